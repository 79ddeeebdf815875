// Grey images: { width, height, pixels }, rows from the top, 0 is paper and 255 is ink.

/** Returns an image of paper, or of the given pixels. */
export function image(width, height, pixels = new Float32Array(width * height)) {
  return { width, height, pixels };
}

/** Returns the smallest box that has all ink in it, or null where there is none. */
export function inkBox({ width, height, pixels }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  pixels.forEach((ink, i) => {
    if (ink <= 0) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  });
  return right > left ? { left, top, width: right - left, height: bottom - top } : null;
}

/** Returns the part of an image within a box. */
export function crop({ width, pixels }, box) {
  const part = image(box.width, box.height);
  for (let y = 0; y < box.height; y++) {
    const start = (box.top + y) * width + box.left;
    part.pixels.set(pixels.subarray(start, start + box.width), y * box.width);
  }
  return part;
}

/** Scales an image down or up; each new pixel is the mean of the area that it covers. */
export function scale(source, width, height) {
  return resample(source, coverage(source.width, width), coverage(source.height, height));
}

/** Scales an image up, linearly between the centres of its pixels. */
export function enlarge(source, width, height) {
  return resample(source, interpolation(source.width, width), interpolation(source.height, height));
}

/** Puts an image on paper of another size, its corner at (left, top); what sticks out is lost. */
export function place(source, width, height, left, top) {
  const target = image(width, height);
  source.pixels.forEach((ink, i) => {
    const x = left + (i % source.width);
    const y = top + Math.floor(i / source.width);
    if (x >= 0 && x < width && y >= 0 && y < height) target.pixels[y * width + x] = ink;
  });
  return target;
}

/** Returns where an image with ink balances, from its corner. */
export function centreOfMass({ width, pixels }) {
  let [x, y, mass] = [0, 0, 0];
  pixels.forEach((ink, i) => {
    x += ink * ((i % width) + 0.5);
    y += ink * (Math.floor(i / width) + 0.5);
    mass += ink;
  });
  return { x: x / mass, y: y / mass };
}

// Each new row or column is a sum of old ones: `columns[x]` lists its [index, weight].
function resample(source, columns, rows) {
  const target = image(columns.length, rows.length);
  rows.forEach((row, y) =>
    columns.forEach((column, x) => {
      let sum = 0;
      for (const [sy, wy] of row) {
        for (const [sx, wx] of column) sum += wy * wx * source.pixels[sy * source.width + sx];
      }
      target.pixels[y * target.width + x] = sum;
    }),
  );
  return target;
}

function coverage(from, to) {
  const step = from / to;
  return weightings(from, to, (i, old) => {
    return Math.min((i + 1) * step, old + 1) - Math.max(i * step, old);
  });
}

function interpolation(from, to) {
  return weightings(from, to, (i, old) => {
    return 1 - Math.abs(((i + 0.5) * from) / to - 0.5 - old);
  });
}

function weightings(from, to, weight) {
  return Array.from({ length: to }, (_, i) => {
    const some = Array.from({ length: from }, (_, old) => [old, weight(i, old)]);
    const used = some.filter(([, share]) => share > 0);
    const total = used.reduce((sum, [, share]) => sum + share, 0);
    return used.map(([old, share]) => [old, share / total]);
  });
}
