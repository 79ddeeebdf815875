// Loads a page of one file with the network off, and prints how it looks there, as JSON.
//
//   node look_at_page.mjs PACKAGES CHROMIUM FILE
//
// PACKAGES is the folder that has node_modules. For each scheme and width: what was asked for and
// failed, how wide the page became, the lightness of its paper and of the texts and lines on it, the
// smallest texts, and which texts of a chart run into one another or out of the window.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

const [packages, chromium, file] = argv.slice(2);
const { chromium: browsers } = createRequire(resolve(packages, "package.json"))("playwright-core");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = await browsers.launch({ executablePath: chromium, args: FLAGS });
try {
  const looks = [];
  for (const colorScheme of ["light", "dark"])
    for (const width of [360, 390, 768, 1280]) looks.push(await look(colorScheme, width));
  console.log(JSON.stringify(looks));
} finally {
  await browser.close();
}

async function look(colorScheme, width) {
  const viewport = { width, height: 800 };
  const context = await browser.newContext({ colorScheme, viewport, offline: true });
  const page = await context.newPage();
  const [requests, errors] = [[], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(pathToFileURL(file).href);
  const found = await page.evaluate(measure);
  await context.close();
  return { scheme: colorScheme, width, requests, errors, ...found };
}

function measure() {
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map((each) => channel(each / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const all = (selector, property) =>
    [...document.querySelectorAll(selector)].map((one) => getComputedStyle(one)[property]);
  const shown = [...document.querySelectorAll("svg text")].filter((one) => one.getClientRects().length);
  const boxes = shown.map((one) => one.getBoundingClientRect());
  const touch = (one, other) =>
    one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  const scale = (one) => one.getScreenCTM().a; // of an SVG that is drawn smaller than it says
  return {
    least: Math.min(...shown.map((one) => parseFloat(getComputedStyle(one).fontSize) * scale(one))),
    smallest: Math.min(...all("h1, h2, p, td, th, li, pre, summary", "fontSize").map(parseFloat)),
    touching: shown
      .filter((_, i) => boxes.some((other, j) => i !== j && touch(boxes[i], other)))
      .map((one) => one.textContent),
    outside: shown
      .filter((_, i) => boxes[i].left < 0 || boxes[i].right > innerWidth)
      .map((one) => one.textContent),
    plots: [...document.querySelectorAll(".plot > svg")].map((one) => one.getBoundingClientRect().width),
    ticks: shown.filter((one) => one.matches(".mid, .end")).length,
    scrolled: document.documentElement.scrollWidth,
    headings: [...document.querySelectorAll("h2")].map((one) => one.textContent),
    paper: luminance(getComputedStyle(document.body).backgroundColor),
    texts: all("h1, h2, p, td, th, li, li b, pre, summary", "color").map(luminance),
    labels: all("svg text", "fill").map(luminance),
    lines: all("[class^=c] polyline", "stroke").map(luminance),
    bars: all(".bars span", "backgroundColor").map(luminance),
  };
}
