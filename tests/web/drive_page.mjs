// Draws on the page in headless Chromium, and prints what the page then says, as JSON.
//
//   node drive_page.mjs PACKAGES CHROMIUM ADDRESS STEPS
//
// PACKAGES is the folder that has node_modules. STEPS is a JSON list of
//   {"clear": true}                    press the button
//   {"strokes": [[[x, y], …], …]}      draw with the mouse; 0…1 from the top left of the paper
//   {"keys": ["Space", …]}             press keys on the paper
//   {"screenshot": PATH, "width": w, "height": h, "scheme": "dark"}
// and each but the last kind adds what was recognised to the answers.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { argv } from "node:process";

const [packages, chromium, address, steps] = argv.slice(2);
const { chromium: browsers } = createRequire(resolve(packages, "package.json"))("playwright-core");

// The sandbox needs a user other than root; the rest keeps Chromium from asking its makers.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const browser = await browsers.launch({ executablePath: chromium, args: FLAGS });
try {
  console.log(JSON.stringify(await visit(await browser.newPage(), JSON.parse(steps))));
} finally {
  await browser.close();
}

async function visit(page, todo) {
  const [requests, errors, answers] = [[], [], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(address);
  await page.waitForSelector("body.ready, body.failed");
  for (const step of todo) {
    if (step.screenshot) await takeScreenshot(page, step);
    else answers.push(await draw(page, step));
  }
  return { requests, errors, answers, ...(await readFigures(page)) };
}

async function draw(page, { clear, strokes = [], keys = [] }) {
  if (clear) await page.click("#clear");
  const paper = await page.locator("#paper").boundingBox();
  for (const stroke of strokes) await drag(page.mouse, paper, stroke);
  for (const key of keys) await page.press("#paper", key);
  await answered(page);
  return {
    digit: await page.textContent("#digit"),
    best: await page.locator("#bars .best").allTextContents(),
    agreement: await page.textContent("#agreement"),
  };
}

async function drag(mouse, { x, y, width, height }, [start, ...rest]) {
  const at = ([right, down]) => [x + right * width, y + down * height];
  await mouse.move(...at(start));
  await mouse.down();
  for (const point of rest) await mouse.move(...at(point), { steps: 8 });
  await mouse.up();
}

// The page answers within the frame after a stroke; the last one sets this mark.
async function answered(page) {
  await page.waitForFunction(() => document.body.dataset.state === "idle");
}

async function takeScreenshot(page, { screenshot, width, height, scheme = "light" }) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  await page.screenshot({ path: screenshot, fullPage: true });
}

async function readFigures(page) {
  const text = (selector) => page.textContent(selector);
  return {
    small: await text("#small .bytes"),
    dense: await text("#dense .bytes"),
    ratio: await text("#ratio"),
    status: await text("#status"),
  };
}
