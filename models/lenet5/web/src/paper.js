// Paper to draw on, with a mouse, a finger, a pen, or the keyboard.

import { image } from "./images.js";

const PEN = 30; // of 280: framed, a digit then has about as much ink as the training images
const STEP = 14; // what an arrow key moves the pen by

const ARROWS = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

/** Makes a canvas into paper; `changed` is called after each stroke and each clearing. */
export function makePaper(canvas, changed) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });

  const draw = (from, to) => {
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    changed();
  };
  const clear = () => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    changed();
  };
  followPointer(canvas, draw);
  followKeys(canvas, draw, clear);
  return { clear, read: () => read(context) };
}

// Ink is opaque on transparent paper, whatever the colours of the page: alpha is the image.
function read(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  return image(width, height, Float32Array.from({ length: width * height }, (_, i) => data[4 * i + 3]));
}

function followPointer(canvas, draw) {
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = position(canvas, event);
    draw(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null || !event.isPrimary) return;
    const next = position(canvas, event);
    draw(last, next);
    last = next;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => (last = null));
  }
}

// The page may show the canvas larger or smaller than its pixels.
function position(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvas.width,
    y: ((event.clientY - box.top) / box.height) * canvas.height,
  };
}

function followKeys(canvas, draw, clear) {
  const pen = document.createElement("div");
  pen.className = "pen";
  pen.style.width = `${(PEN / canvas.width) * 100}%`;
  canvas.after(pen);
  const at = { x: canvas.width / 2, y: canvas.height / 4 };
  let down = false;

  const show = () => {
    pen.style.left = `${(at.x / canvas.width) * 100}%`;
    pen.style.top = `${(at.y / canvas.height) * 100}%`;
    pen.classList.toggle("down", down);
  };
  const move = ([dx, dy]) => {
    const from = { ...at };
    at.x = within(at.x + dx, canvas.width);
    at.y = within(at.y + dy, canvas.height);
    if (down) draw(from, at);
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.key in ARROWS) move(ARROWS[event.key]);
    else if (event.key === " ") {
      down = !down;
      if (down) draw(at, at);
    } else if (event.key === "Escape") {
      down = false;
      clear();
    } else return;
    event.preventDefault(); // else the page scrolls
    pen.hidden = false;
    show();
  });
  canvas.addEventListener("blur", () => (pen.hidden = true));
  pen.hidden = true;
}

function within(value, size) {
  return Math.min(Math.max(value, PEN / 2), size - PEN / 2);
}
