// The npm client, as the older server's page uses it.

import { io } from "socket.io-client";
import { assert, ask, check, proxyUrl, run, uniqueName, until, url } from "../../clients/js/harness.mjs";

const TRANSPORTS = { default: undefined, polling: ["polling"], websocket: ["websocket"] };
const EVENTS = [
  "connection-info", "chat-history", "stream-state", "stream-chunk", "stream-complete",
  "stream-error", "message-error", "task-status-updated", "terminal-output", "fs-change",
  "path-changed",
];

async function call(kind, path, args) {
  const response = await fetch(`${url}/api/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path, args, format: "json" }),
  });
  const answer = await response.json();
  assert.equal(answer.status, "success", JSON.stringify(answer));
  return answer.value;
}

async function newTask() {
  const taskId = uniqueName();
  await call("mutation", "threads:create", { externalId: taskId });
  return taskId;
}

async function log(streamId) {
  const events = [];
  for (;;) {
    const page = await call("query", "streamEvents:getStreamEvents", { streamId, after: events.length });
    if (page.events.length === 0) return events;
    events.push(...page.events);
  }
}

const MAKES = {
  "text-delta": "content", "reasoning-delta": "reasoning", "tool-input-start": "tool-call-start",
  "tool-input-delta": "tool-call-delta", "tool-call": "tool-call", "tool-result": "tool-result",
  "step-finish": "usage", "stream-finish": "complete", "stream-stopped": "complete",
  "stream-error": "error",
};
const expected = (events) =>
  events.filter(({ type }) => type in MAKES).map(({ seq, type }) => [seq, MAKES[type]]);
const kinds = (chunks) => chunks.map(({ seq, type }) => [seq, type]);

/** A client with everything that it has heard; after a cut it joins again from its cursor. */
function field(address, transports, taskId) {
  const socket = io(address, {
    ...(transports && { transports }),
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    auth: (give) => give({ reconnectCount: 0 }),
  });
  const client = { socket, heard: [], joins: [], drops: 0, since: undefined };
  client.told = (name) => client.heard.filter(([event]) => event === name).map(([, payload]) => payload);
  for (const event of EVENTS) {
    socket.on(event, (payload) => {
      client.heard.push([event, payload]);
      if (event === "stream-chunk") client.since = { streamId: payload.streamId, seq: payload.seq };
    });
  }
  socket.on("disconnect", () => client.drops++);
  socket.on("connect", () => {
    socket.emit("join-task", { taskId, since: client.since }, (told) => client.joins.push(told));
  });
  return client;
}

async function answers(transports) {
  const taskId = await newTask();
  const client = field(url, transports, taskId);
  await until(() => client.joins.length === 1, "joined");
  assert.deepEqual(client.joins, [{ variant: "legacy", path: "legacy" }]);
  const { socket } = client;
  const sent = await socket.timeout(5000).emitWithAck("user-message", {
    taskId, message: "one two", llmModel: "scripted/tools",
  });
  await until(() => client.told("task-status-updated").length === 2, "two statuses");
  assert.deepEqual(client.told("task-status-updated").map(({ status }) => status), ["RUNNING", "COMPLETED"]);
  assert.deepEqual(kinds(client.told("stream-chunk")), expected(await log(sent.streamId)));
  assert.equal(client.told("stream-complete")[0].messageId, sent.messageId);
  socket.emit("get-chat-history", { taskId, complete: true });
  await until(() => client.told("chat-history").length === 1, "a history");
  assert.equal(client.told("chat-history")[0].messages.length, 2);
  socket.emit("request-history", { taskId, fromPosition: 0 });
  await until(() => client.told("stream-state").length === 2, "a second state");
  assert.deepEqual(client.told("stream-state")[1].chunks, client.told("stream-chunk"));
  const refused = await socket.timeout(5000).emitWithAck("join-task", { taskId: "nothing" });
  assert.equal(refused.error.code, "not_found");
  await until(() => client.told("message-error").length === 1, "an error");
  socket.disconnect();
}

async function stops(transports) {
  const taskId = await newTask();
  const client = field(url, transports, taskId);
  await until(() => client.joins.length === 1, "joined");
  client.socket.emit("user-message", { taskId, message: "go", llmModel: "scripted/story" });
  await until(() => client.told("stream-chunk").length > 3, "chunks");
  client.socket.emit("stop-stream", { taskId });
  await until(() => client.told("stream-complete").length === 1, "an end");
  assert.equal(client.told("stream-complete")[0].stopped, true);
  client.socket.disconnect();
}

async function cuts(transports) {
  const taskId = await newTask();
  const client = field(proxyUrl, transports, taskId);
  await until(() => client.joins.length === 1, "joined");
  const sent = await client.socket.timeout(5000).emitWithAck("user-message", {
    taskId, message: "go", llmModel: "scripted/story",
  });
  for (let cut = 0; cut < 4; cut++) {
    const seen = client.told("stream-chunk").length + 2 + 3 * cut;
    await until(() => client.told("stream-chunk").length >= seen, "chunks");
    const { drops, joins: { length: joins } } = client;
    // Between two polls there is no connection that could be cut.
    while (client.drops === drops) await ask("cut");
    await until(() => client.joins.length > joins, "joined again");
  }
  client.socket.emit("stop-stream", { taskId });
  await until(() => client.told("stream-complete").length === 1, "an end");
  assert.deepEqual(kinds(client.told("stream-chunk")), expected(await log(sent.streamId)));
  client.socket.disconnect();
}

check("answers by default", () => answers(TRANSPORTS.default));
check("answers by polling", () => answers(TRANSPORTS.polling));
check("answers by websocket", () => answers(TRANSPORTS.websocket));
check("stops by default", () => stops(TRANSPORTS.default));
check("stops by polling", () => stops(TRANSPORTS.polling));
check("cuts by default", () => cuts(TRANSPORTS.default));
check("cuts by polling", () => cuts(TRANSPORTS.polling));
check("cuts by websocket", () => cuts(TRANSPORTS.websocket));

check("a refused token is a connect_error", async () => {
  const socket = io(url, { forceNew: true, auth: { token: 5 } });
  const error = await new Promise((resolve) => socket.once("connect_error", resolve));
  assert.equal(error.data.code, "InvalidAuthHeader");
  assert.equal(error.message, error.data.message);
  socket.disconnect();
});

run();
