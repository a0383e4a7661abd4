// The server under test, its flag, and the real clients, with what they say to it kept.

import { ConvexClient } from "convex/browser";
import { io } from "socket.io-client";
import WebSocket from "ws";
import * as harness from "../../clients/js/harness.mjs";
import { assert, url } from "../../clients/js/harness.mjs";

export { ask, assert, changes, proxyUrl, run, url } from "../../clients/js/harness.mjs";

/** A story takes 8 s where there is nothing else to do, and this is not for measuring. */
const STORY_SECONDS = 60;

export const check = (name, body) => harness.check(name, body, { seconds: STORY_SECONDS });
export const until = (holds, what) => harness.until(holds, what, STORY_SECONDS);

const adminKey = process.env.ADMIN_KEY;

/** Keeps what Convex's clients send. */
export class ListeningWebSocket extends WebSocket {
  sent = [];
  static all = [];

  constructor(...args) {
    super(...args);
    ListeningWebSocket.all.push(this);
  }

  send(data, ...rest) {
    this.sent.push(JSON.parse(data));
    return super.send(data, ...rest);
  }
}

export const socketOptions = {
  webSocketConstructor: ListeningWebSocket,
  unsavedChangesWarning: false,
  logger: false,
};

/** The paths of the queries that are subscribed to and not yet let go of again. */
export function openQueries(sockets = ListeningWebSocket.all) {
  const open = new Map();
  for (const message of sockets.flatMap(({ sent }) => sent)) {
    for (const change of message.modifications ?? []) {
      if (change.type === "Add") open.set(change.queryId, change.udfPath);
      else open.delete(change.queryId);
    }
  }
  return [...open.values()];
}

/** The paths of all queries that were ever subscribed to. */
export function askedQueries(sockets = ListeningWebSocket.all) {
  const changes = sockets.flatMap(({ sent }) => sent).flatMap((one) => one.modifications ?? []);
  return changes.filter(({ type }) => type === "Add").map(({ udfPath }) => udfPath);
}

export function forgetTraffic() {
  ListeningWebSocket.all = [];
}

async function call(kind, path, args, headers = {}) {
  const response = await fetch(`${url}/api/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ path, args, format: "json" }),
  });
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.value;
}

export const query = (path, args) => call("query", path, args);
export const mutation = (path, args) => call("mutation", path, args);
/** As server code, which may call internal functions. */
export const asServer = (path, args) =>
  call("mutation", path, args, { Authorization: `Convex ${adminKey}` });

export const setPath = (variant) => asServer("flags:set", { key: "realtime", variant });
export const newThread = (more = {}) => mutation("threads:create", more);

export function send(threadId, model, prompt = "Tell me.") {
  return mutation("messages:send", { threadId, prompt, model });
}

export const stop = (streamId) => mutation("streams:stop", { streamId });

/** The stored answer, as soon as it is over. */
export async function ended(threadId, messageId) {
  const paginationOpts = { numItems: 20, cursor: null };
  for (;;) {
    const { page } = await query("messages:list", { threadId, paginationOpts });
    const message = page.find(({ _id }) => _id === messageId);
    if (message.status !== "pending" && message.status !== "streaming") return message;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A socket that keeps what it is told. */
export function openSocket(address = url) {
  const socket = io(address, { transports: ["websocket"], reconnectionDelay: 50, forceNew: true });
  socket.told = [];
  socket.said = [];
  socket.onAny((event, payload) => socket.told.push([event, payload]));
  socket.onAnyOutgoing((event, payload) => socket.said.push([event, payload]));
  return socket;
}

export function openConvex(address = url) {
  return new ConvexClient(address, socketOptions);
}

/** What a text was over time: each is the beginning of the next, and the last is the whole. */
export function assertGrows(texts, whole) {
  for (const [position, text] of texts.entries()) {
    const next = texts[position + 1] ?? whole;
    assert.ok(next.startsWith(text), `${JSON.stringify(text)} before ${JSON.stringify(next)}`);
  }
  assert.equal(texts.at(-1), whole);
}
