// Turns a drawing into an image like those that the network was trained on.
//
// A network that has only seen digits of one size in one place knows no others, so that a
// drawing is framed just as the makers of the training set framed theirs.

import { centreOfMass, crop, enlarge, image, inkBox, place, scale } from "./images.js";

const SIZE = 28;
const MNIST_BOX = 20;
const DIGITS_SIZE = 8;

/** Frames for images of 28×28, by the data that they imitate. */
export const framings = { mnist: framed(likeMnist), digits: framed(likeDigits) };

function framed(frame) {
  return (drawing) => {
    const box = inkBox(drawing);
    return box === null ? image(SIZE, SIZE) : frame(crop(drawing, box));
  };
}

// MNIST: fitted into 20×20, and put with its centre of mass in the middle of 28×28.
function likeMnist(digit) {
  const small = fit(digit, MNIST_BOX);
  const centre = centreOfMass(small);
  const [left, top] = [SIZE / 2 - centre.x, SIZE / 2 - centre.y].map(Math.round);
  return place(small, SIZE, SIZE, left, top);
}

// The digits that scikit-learn carries: as large as 8×8 allows, in the middle; cortado
// enlarges them linearly to 28×28.
function likeDigits(digit) {
  const fine = fit(digit, 4 * DIGITS_SIZE);
  const [left, top] = [fine.width, fine.height].map((length) =>
    Math.round((4 * DIGITS_SIZE - length) / 2),
  );
  const paper = place(fine, 4 * DIGITS_SIZE, 4 * DIGITS_SIZE, left, top);
  return enlarge(scale(paper, DIGITS_SIZE, DIGITS_SIZE), SIZE, SIZE);
}

// The longer side becomes `length`, and the other keeps the proportion.
function fit(digit, length) {
  const factor = length / Math.max(digit.width, digit.height);
  const [width, height] = [digit.width, digit.height].map((side) =>
    Math.max(1, Math.round(side * factor)),
  );
  return scale(digit, width, height);
}
