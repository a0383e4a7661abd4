// Named checks, their outcomes on stdout, and questions to the test that runs this script.

import assert from "node:assert/strict";
import { createInterface } from "node:readline";

export { assert };

export const url = process.env.SERVER_URL;
export const proxyUrl = process.env.PROXY_URL;

const CHECK_SECONDS = 30;
const WAIT_SECONDS = 15;

const checks = [];
const questions = new Map();
let nextQuestion = 0;

const answers = createInterface({ input: process.stdin });
answers.on("line", (line) => {
  const { answer, result } = JSON.parse(line);
  questions.get(answer)(result);
  questions.delete(answer);
});

function say(message) {
  process.stdout.write(`@@${JSON.stringify(message)}\n`);
}

/** Asks the test for something that only it can do; gives its answer. */
export function ask(command, ...args) {
  const id = nextQuestion++;
  say({ ask: id, command, arguments: args });
  return new Promise((resolve) => questions.set(id, resolve));
}

/** A check that has to watch something slow may take more than the usual time. */
export function check(name, body, { seconds = CHECK_SECONDS } = {}) {
  checks.push({ name, body, seconds });
}

/** A text that no other check uses, for names of counters and lists. */
let nextName = 0;
export function uniqueName() {
  return `${process.pid} ${nextName++}`;
}

function deadline(seconds, what) {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what} took more than ${seconds} s`)),
      seconds * 1000,
    );
    timer.unref();
  });
}

/** Waits for a condition, which is looked at between the events of the client under test. */
export async function until(holds, what = holds.toString(), seconds = WAIT_SECONDS) {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The values of a list without repetitions of the value before. */
export function changes(values) {
  return values.filter((value, position) => position === 0 || value !== values[position - 1]);
}

// A client must never take its process down; if it does, the running check is to say so.
let running = false;
let crashed;
const crashing = new Promise((_, reject) => (crashed = reject));
crashing.catch(() => {});
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => {
    crashed(error);
    if (running) return;
    console.error(error);
    process.exit(1);
  });
}

export async function run() {
  running = true;
  for (const { name, body, seconds } of checks) {
    let error = null;
    // A check that failed may have left the connection broken for the next one.
    if (proxyUrl !== undefined) await ask("heal");
    try {
      await Promise.race([
        body(),
        crashing,
        deadline(seconds, "the check"),
      ]);
    } catch (caught) {
      error = caught?.stack ?? String(caught);
    }
    say({ check: name, error });
  }
  process.exit(0);
}
