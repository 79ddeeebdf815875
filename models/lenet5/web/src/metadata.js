// Reads what an ONNX file says of itself, which onnxruntime-web does not tell.
//
// The file is a protobuf message, ModelProto. Its field 14, metadata_props, is repeated and
// holds pairs: field 1 is the key, field 2 the value. Everything else is stepped over.

const METADATA_PROPS = 14;
const KEY = 1;
const VALUE = 2;

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/** Returns the metadata_props of an ONNX file, as an object of strings. */
export function readMetadata(file) {
  const pairs = fieldsOf(file).filter(({ number }) => number === METADATA_PROPS);
  return Object.fromEntries(pairs.map(({ bytes }) => readPair(bytes)));
}

function readPair(message) {
  const text = new TextDecoder();
  const fields = fieldsOf(message);
  const read = (wanted) => text.decode(fields.find(({ number }) => number === wanted)?.bytes);
  return [read(KEY), read(VALUE)];
}

// The fields of a message that are bytes: { number, bytes }, in their order.
function fieldsOf(message) {
  const fields = [];
  let at = 0;
  while (at < message.length) {
    const tag = varint();
    const size = sizeOf(tag % 8);
    if (tag % 8 === BYTES) {
      fields.push({ number: Math.floor(tag / 8), bytes: message.subarray(at, at + size) });
    }
    at += size;
  }
  return fields;

  function sizeOf(wireType) {
    if (wireType === BYTES) return varint();
    if (wireType === FIXED_64) return 8;
    if (wireType === FIXED_32) return 4;
    if (wireType !== VARINT) throw new Error("this is not an ONNX file");
    varint();
    return 0;
  }

  // By arithmetic, since the shifts of JavaScript end at 32 bits.
  function varint() {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at++];
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    throw new Error("this file is truncated");
  }
}
