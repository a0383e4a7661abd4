// Opens windows of one headless Chromium for a test that asks for it, line by line, on stdin.
// {"open": "ada", "url": ..., "options": {...}} makes a window with storage of its own;
// {"window": "ada", "call": "click", "args": [...]} calls that method of its Playwright page.
// Each line is answered with {"result"} or {"error"}.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const ACTION_MS = 15_000;
const [executablePath] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const windows = new Map();

async function open({ open: name, url, options }) {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(ACTION_MS);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  windows.set(name, { page, errors });
  await page.goto(url);
}

async function call({ window: name, call: method, args }) {
  const { page, errors } = windows.get(name);
  if (method === "errors") return errors;
  const result = await page[method](...args.map(asFunction));
  return isPlain(result) ? result : null;
}

/** Playwright calls a function in the page, but only evaluates a text. */
function asFunction(argument) {
  const isSource = typeof argument === "string" && argument.includes("=>");
  return isSource ? new Function(`return ${argument}`)() : argument;
}

/** Handles of elements and responses don't travel. */
function isPlain(value) {
  return value === null || typeof value !== "object" || Array.isArray(value);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await ("open" in request ? open(request) : call(request))) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
