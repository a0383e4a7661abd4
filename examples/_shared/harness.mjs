// What the examples' check.mjs scripts share: clients, live queries to wait for, and the verdict.
import assert from "node:assert/strict";
import { ConvexClient } from "convex/browser";
import { ConvexError } from "convex/values";

const WAIT_MS = 20_000;
const clients = new Set();

/** The server that is checked: the script's first argument, or the one that `reactive dev` starts. */
export const url = process.argv[2] ?? "http://127.0.0.1:3210";

/** A client of its own, as another browser window is. */
export function connect() {
  const client = new ConvexClient(url, { logger: false });
  clients.add(client);
  return client;
}

/** A live query: all values that it was sent, and a way to wait for one. */
export function watch(client, query, args = {}) {
  const values = [];
  const listeners = new Set();
  const tell = () => listeners.forEach((listener) => listener());
  let failure;
  client.onUpdate(
    query,
    args,
    (value) => (values.push(value), tell()),
    (error) => ((failure = error), tell()),
  );
  return {
    values,
    /** The first value, from the newest one on, of which `holds` is true. */
    until: (holds) =>
      new Promise((resolve, reject) => {
        const listener = () => {
          if (failure !== undefined) settle(reject, failure);
          else if (values.length > 0 && holds(values.at(-1))) settle(resolve, values.at(-1));
        };
        const settle = (end, outcome) => {
          clearTimeout(timer);
          listeners.delete(listener);
          end(outcome);
        };
        const late = () => `never saw ${holds}, last: ${JSON.stringify(values.at(-1))}`;
        const timer = setTimeout(() => settle(reject, new Error(late())), WAIT_MS);
        listeners.add(listener);
        listener();
      }),
  };
}

/** Expects the app's own refusal, an `ApplicationError` with this code; gives the error's data. */
export async function refused(call, code) {
  const error = await call.then(
    () => assert.fail(`not refused: ${code}`),
    (reason) => reason,
  );
  assert.ok(error instanceof ConvexError, String(error));
  assert.equal(error.data.code, code);
  return error.data;
}

/** Runs the checks, says `ok` or why not, and ends. */
export async function check(body) {
  try {
    await body();
    console.log("ok");
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await Promise.all([...clients].map((client) => client.close()));
  }
}
