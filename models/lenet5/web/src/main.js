// The page: a drawing goes to two networks, and their answers to the screen.

import { inkBox } from "./images.js";
import { download, load } from "./network.js";
import { makePaper } from "./paper.js";

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });

const $ = (id) => document.getElementById(id);
const bars = Array.from({ length: 10 }, makeBar);

try {
  const networks = await loadNetworks();
  $("status").textContent = "onnxruntime-web, WebAssembly, one thread.";
  const paper = makePaper(
    $("paper"),
    atMostOncePerFrame(() => answer(paper.read(), networks)),
  );
  $("clear").addEventListener("click", paper.clear);
  document.body.classList.add("ready");
  document.body.dataset.state = "idle";
} catch (error) {
  $("status").textContent = `This does not work here: ${error.message}`;
  document.body.classList.add("failed");
}

async function loadNetworks() {
  const [dense, small] = await Promise.all(["dense.onnx", "small.onnx"].map(download));
  await load(small); // the first one also starts WebAssembly, which is no matter of the file
  const networks = { dense: await load(dense), small: await load(small) };
  describe($("dense"), dense, networks.dense);
  describe($("small"), small, networks.small);
  $("ratio").textContent = `${NUMBER.format(dense.length / small.length)} times smaller`;
  return networks;
}

function describe(row, file, { milliseconds }) {
  row.querySelector(".bytes").textContent = NUMBER.format(file.length);
  row.querySelector(".time").textContent = `${NUMBER.format(milliseconds)} ms`;
}

async function answer(drawing, { small, dense }) {
  const blank = inkBox(drawing) === null;
  const seen = dense.frame(drawing); // a coded file does not keep how it came to be
  showImage(seen);
  $("invitation").hidden = !blank;
  if (blank) return showNothing();
  const probabilities = await small.recognise(seen);
  show(probabilities);
  compare(await dense.recognise(seen));
}

function show(probabilities) {
  const best = likeliest(probabilities);
  if ($("digit").textContent !== String(best)) $("digit").textContent = best; // is read aloud
  bars.forEach((bar, digit) => {
    bar.row.classList.toggle("best", digit === best);
    bar.fill.style.width = `${probabilities[digit] * 100}%`;
    bar.text.textContent = PERCENT.format(probabilities[digit]);
  });
}

function compare(probabilities) {
  const best = likeliest(probabilities);
  $("agreement").textContent =
    `The network as trained says ${best}, at ${PERCENT.format(probabilities[best])}.`;
}

function showNothing() {
  show(new Array(10).fill(0));
  bars[0].row.classList.remove("best");
  $("digit").textContent = "–";
  $("agreement").textContent = "\u00a0";
}

function likeliest(probabilities) {
  return probabilities.indexOf(Math.max(...probabilities));
}

function showImage({ width, height, pixels }) {
  const shown = new ImageData(width, height);
  pixels.forEach((ink, i) => (shown.data[4 * i + 3] = ink));
  $("seen").getContext("2d").putImageData(shown, 0, 0);
}

function makeBar(_, digit) {
  const row = document.createElement("li");
  const [name, track, fill, text] = ["span", "div", "div", "span"].map((tag) =>
    document.createElement(tag),
  );
  name.textContent = digit;
  track.className = "track";
  track.append(fill);
  text.className = "percent";
  row.append(name, track, text);
  $("bars").append(row);
  return { row, fill, text };
}

// Strokes come faster than answers: one at a time, and always one after the last stroke.
function atMostOncePerFrame(work) {
  const { dataset } = document.body; // where tests see that an answer is complete
  let wanted = false;
  return async () => {
    wanted = true;
    if (dataset.state === "busy") return;
    dataset.state = "busy";
    try {
      while (wanted) {
        await new Promise(requestAnimationFrame);
        wanted = false;
        await work();
      }
    } finally {
      dataset.state = "idle"; // else one failure would silence the page
    }
  };
}
