// Runs an ONNX file in one of onnxruntime's packages for Node.
//
//   node run_model.mjs PACKAGES PACKAGE MODEL.onnx FOLDER
//
// PACKAGES is the folder that has node_modules, PACKAGE is onnxruntime-web (WebAssembly) or
// onnxruntime-node. FOLDER/inputs.json lists the inputs as [{"name", "shape"}]; input number i
// is FOLDER/input-i.raw, float32. Outputs are written in the same way: outputs.json and
// output-i.raw.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { argv } from "node:process";

const [packages, runtime, model, folder] = argv.slice(2);
const ort = createRequire(resolve(packages, "package.json"))(runtime);

const session = await ort.InferenceSession.create(readFileSync(model));
writeOutputs(await session.run(readInputs()));

function readInputs() {
  const inputs = JSON.parse(readFileSync(join(folder, "inputs.json"), "utf8"));
  return Object.fromEntries(inputs.map(({ name, shape }, i) => [name, readTensor(i, shape)]));
}

function readTensor(i, shape) {
  const { buffer } = new Uint8Array(readFileSync(join(folder, `input-${i}.raw`)));
  return new ort.Tensor("float32", new Float32Array(buffer), shape);
}

function writeOutputs(outputs) {
  const tensors = session.outputNames.map((name) => ({ name, tensor: outputs[name] }));
  tensors.forEach(({ tensor }, i) => writeFileSync(join(folder, `output-${i}.raw`), tensor.data));
  const heads = tensors.map(({ name, tensor }) => ({ name, shape: tensor.dims }));
  writeFileSync(join(folder, "outputs.json"), JSON.stringify(heads));
}
