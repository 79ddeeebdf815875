// Puts the page together: npm run build -- SMALL.onnx DENSE.onnx FOLDER
//
// The page is plain modules, which a browser loads as they are, so that nothing is bundled:
// the build copies them beside the two models and onnxruntime-web's own files. What it makes is
// a folder for any web server, and asks for nothing outside that folder.

import { copyFile, cp, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const RUNTIME = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

const [small, dense, folder] = argv.slice(2).map(fromWhereItWasTyped);
if (folder === undefined) {
  console.error("usage: npm run build -- SMALL.onnx DENSE.onnx FOLDER");
  exit(2);
}

await mkdir(folder, { recursive: true });
await cp(join(HERE, "src"), folder, { recursive: true });
await Promise.all(
  [
    [small, "small.onnx"],
    [dense, "dense.onnx"],
    [join(RUNTIME, "ort.wasm.bundle.min.mjs"), "onnxruntime.mjs"],
    [join(RUNTIME, "ort-wasm-simd-threaded.wasm"), "ort-wasm-simd-threaded.wasm"],
  ].map(([from, name]) => copyFile(from, join(folder, name))),
);

// npm runs scripts in the package's folder, and remembers where the user stood.
function fromWhereItWasTyped(path) {
  return resolve(env.INIT_CWD ?? ".", path);
}
