"""What the tests of the importer share: running models, and writing caffemodels."""

import struct

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from cortado.caffe import CaffeWeights, import_caffe, read_caffemodel, read_weights
from support import SHARED

CAFFE = SHARED / "caffe"
GOLDENS = SHARED / "caffe-goldens"
NO_WEIGHTS = CaffeWeights({})


def load(path):
    return read_weights((CAFFE / path).read_bytes())


def prototxt(path):
    return (CAFFE / path).read_text()


def run(model, **feeds):
    """Return the outputs of a model by name, after the strictest check that ONNX has."""
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def one_layer(layer, shape=(2, 6, 7, 8)):
    """Return a prototxt: the input `data`, then `layer`, which reads it and makes `l`."""
    dims = " ".join(f"dim: {size}" for size in shape)
    return (
        f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'
        f'layer {{ name: "l" bottom: "data" top: "l" {layer} }}'
    )


def apply(layer, x, *blobs):
    """Return what one layer makes of x."""
    weights = read_caffemodel(caffemodel({"l": blobs})) if blobs else NO_WEIGHTS
    return run(import_caffe(one_layer(layer, x.shape), weights).model, data=x)["l"]


def caffemodel(layers):
    """Return the bytes of a caffemodel: layer name → arrays."""
    return b"".join(
        field(100, field(1, name.encode()) + b"".join(field(7, blob(array)) for array in arrays))
        for name, arrays in layers.items()
    )


def blob(array):
    array = np.asarray(array, np.float32)
    shape = field(1, b"".join(varint(size) for size in array.shape))
    return field(7, shape) + field(5, array.tobytes())


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def fixed(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)
