// A network: an ONNX file, loaded in onnxruntime-web.

import * as ort from "./onnxruntime.mjs";
import { framings } from "./framing.js";
import { readMetadata } from "./metadata.js";

// Threads need headers that a plain web server does not send; these networks are small.
ort.env.wasm.numThreads = 1;

/** Fetches a file whole, past the browser's old copies. */
export async function download(address) {
  const response = await fetch(address, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Loads a network that takes 28×28 pixels.
 *
 * Returns `frame`, from a drawing to the image that the network sees; `recognise`, from that
 * image to probabilities; and `milliseconds`, what onnxruntime took to load the file.
 */
export async function load(file) {
  const start = performance.now();
  const session = await ort.InferenceSession.create(file);
  const milliseconds = performance.now() - start;
  const { transform, framing } = readInstructions(file);
  return {
    milliseconds,
    frame: framings[framing],
    recognise: async ({ pixels }) => probabilities(await run(session, pixels.map(transform))),
  };
}

// cortado notes in the file how pixels become inputs, and which data it trained on.
function readInstructions(file) {
  const metadata = readMetadata(file);
  const { scale = 1, mean = [] } = JSON.parse(metadata["cortado.input"] ?? "{}");
  const { steps = [] } = JSON.parse(metadata["cortado.history"] ?? "{}");
  return {
    transform: (pixel) => (pixel - (mean[0] ?? 0)) * scale,
    framing: steps.some((step) => /--data digits( |$)/.test(step)) ? "digits" : "mnist",
  };
}

async function run(session, inputs) {
  const [name] = session.inputNames;
  const shape = session.inputMetadata[0].shape.map((size) => (size > 0 ? size : 1));
  const outputs = await session.run({ [name]: new ort.Tensor("float32", inputs, shape) });
  return Array.from(outputs[session.outputNames[0]].data);
}

// Some networks end in a softmax, and others before it.
function probabilities(scores) {
  const total = scores.reduce((sum, score) => sum + score, 0);
  if (scores.every((score) => score >= 0) && Math.abs(total - 1) < 1e-3) return scores;
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
