// How answers are read and put together, with the real clients against a real server.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  askOverHttp,
  contentOf,
  emptyAnswer,
  HttpError,
  LogFollower,
  readLog,
  sseData,
  stopOverHttp,
  Throttle,
  withChunk,
} from "../../../examples/streaming-hooks/src/core/index.ts";
import {
  ask,
  askedQueries,
  assert,
  assertGrows,
  check,
  ended,
  forgetTraffic,
  newThread,
  openConvex,
  openQueries,
  proxyUrl,
  query,
  run,
  send,
  stop,
  until,
  url,
} from "./app.mjs";

const VECTORS = process.env.VECTORS;

function delta(seq, text) {
  return { seq, ts: seq, type: "text-delta", partId: "a", delta: text };
}

check("an event is applied once and in order, a missing one is asked for", async () => {
  const log = new LogFollower("s");
  const start = [
    { seq: 1, ts: 1, type: "stream-start", messageId: "m", model: "x", attempt: 1 },
    { seq: 2, ts: 2, type: "text-start", partId: "a" },
  ];
  assert.equal(log.offer([...start, delta(3, "one ")]), true);
  assert.equal(log.offer([delta(3, "one "), delta(4, "two ")]), true);
  assert.equal(log.offer([delta(5, "three "), delta(7, "five")]), false);
  assert.equal(log.lastSeq, 5);
  assert.equal(log.offer([delta(4, "two "), delta(5, "three "), delta(6, "four "), delta(7, "five")]), true);
  assert.equal(contentOf(log.answer), "one two three four five");
});

check("events mean what they mean to the server", async () => {
  const names = readdirSync(VECTORS).filter((name) => !name.startsWith("refused"));
  assert.ok(names.length > 10);
  for (const name of names) {
    const { events, content, state } = JSON.parse(readFileSync(join(VECTORS, name), "utf8"));
    const log = new LogFollower("s");
    assert.equal(log.offer(events), true, name);
    const { answer } = log;
    assert.equal(contentOf(answer), content, name);
    const status = state.status === "finished" ? "complete" : state.status;
    assert.deepEqual(
      [answer.status, answer.lastSeq, answer.counts, answer.finishReason, answer.usage],
      [status, state.lastSeq, state.counts, state.finishReason, state.usage],
      name,
    );
    assert.deepEqual(
      answer.parts.map(({ name: _, ...part }, index) => ({ index, ...part })),
      state.parts.map(({ partId, toolCallId, ...part }) => part),
      name,
    );
    assert.deepEqual(
      answer.parts.map((part) => part.name),
      state.parts.map((part) => (part.type === "tool" ? part.toolCallId : part.partId)),
      name,
    );
  }
});

check("chunks are put together as old clients do", async () => {
  const of = (seq, type, more) => ({ streamId: "s", seq, type, ...more });
  const answer = [
    of(3, "reasoning", { reasoning: "Hm." }),
    of(6, "content", { content: "Let me " }),
    of(7, "content", { content: "see." }),
    of(9, "tool-call-start", { toolCallStart: { id: "t", name: "clock" } }),
    of(10, "tool-call-delta", { toolCallDelta: { id: "t", name: "clock", argsTextDelta: "{}" } }),
    of(11, "tool-call", { toolCall: { id: "t", name: "clock", args: {} } }),
    of(12, "tool-result", { toolResult: { id: "t", result: "noon", isValid: true } }),
    of(15, "content", { content: "Noon." }),
    of(17, "complete", { finishReason: "stop" }),
  ].reduce(withChunk, emptyAnswer("s"));
  assert.deepEqual(
    answer.parts.map(({ type, state, text, output }) => [type, state, text, output]),
    [
      ["reasoning", "done", "Hm.", null],
      ["text", "done", "Let me see.", null],
      ["tool", "completed", "", "noon"],
      ["text", "done", "Noon.", null],
    ],
  );
  assert.deepEqual([answer.status, answer.lastSeq], ["complete", 17]);
});

check("frames are read whole, whatever the pieces they come in", async () => {
  const text = ': hello\n\nid: 1\nevent: x\ndata: {"a":\ndata: "é"}\n\ndata: "no id"\n\nid: 2\r\ndata: 2\r\n\r\nid: 3\ndata: cut';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 7, bytes.length]) {
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const found = [];
    for await (const data of sseData(body)) found.push(data);
    assert.deepEqual(found, ['{"a":\n"é"}', "2"], `pieces of ${size}`);
  }
});

check("a throttle passes on the first, the last, and what is urgent", async () => {
  const passed = [];
  const throttle = new Throttle(40, (value) => passed.push(value));
  throttle.offer(1);
  throttle.offer(2);
  throttle.offer(3);
  assert.deepEqual(passed, [1]);
  await until(() => passed.length === 2);
  assert.deepEqual(passed, [1, 3]);
  throttle.offer(4);
  throttle.offer(5, true);
  assert.deepEqual(passed, [1, 3, 5]);
  throttle.stop();
});

check("a log is followed by live queries as it is written, in pages", async () => {
  forgetTraffic();
  const thread = await newThread();
  const { streamId, messageId } = await send(thread, "scripted/story");
  const convex = openConvex();
  const log = new LogFollower(streamId);
  const texts = [];
  readLog(
    convex,
    streamId,
    0,
    (events) => {
      assert.equal(log.offer(events), true);
      texts.push(contentOf(log.answer));
    },
    (error) => assert.fail(error),
  );
  await until(() => askedQueries().length > 2, "the cursor moves");
  await stop(streamId);
  await until(() => log.isOver);
  const { content } = await ended(thread, messageId);
  assertGrows(texts, content);
  assert.ok(texts.length > 10, `${texts.length} updates`);
  await until(() => openQueries().length === 0, "everything is let go of at the end");
  const stored = await query("streamEvents:reconstructStreamContent", { streamId });
  assert.deepEqual(
    log.answer.parts.map(({ type, state, text }) => [type, state, text]),
    stored.parts.map(({ type, state, text }) => [type, state, text]),
  );
  await convex.close();
});

check("a log that nobody may read is an error for the reader", async () => {
  const convex = openConvex();
  const errors = [];
  readLog(convex, "nosuchstream", 0, () => assert.fail("events"), (error) => errors.push(error));
  await until(() => errors.length === 1);
  await convex.close();
});

/** Asks over HTTP; gives the answer and what its text was over time. */
async function askHttp(threadId, model, more = {}) {
  const texts = [];
  const { signal } = new AbortController();
  const question = { url, threadId, model, prompt: "Tell me.", clientMessageId: crypto.randomUUID(), signal };
  const names = {};
  const answer = await askOverHttp({
    ...question,
    onStart: (told) => Object.assign(names, told),
    onAnswer: (now) => {
      texts.push(contentOf(now));
      more.onText?.(texts.at(-1), names);
    },
    ...more,
  });
  return { answer, texts, names };
}

check("over HTTP a connection that breaks is taken up by the last event id", async () => {
  const thread = await newThread();
  let cuts = 0;
  let stopping;
  const { answer, texts, names } = await askHttp(thread, "scripted/story", {
    url: proxyUrl,
    onText(text, { streamId }) {
      if (text.length < (cuts + 1) * 80) return;
      if (cuts === 3) stopping ??= stop(streamId);
      else cuts += 1;
      if (!stopping) void ask("cut").then(() => ask("heal"));
    },
  });
  await stopping;
  assert.equal(answer.status, "stopped");
  assert.equal(cuts, 3);
  assertGrows(texts, (await ended(thread, names.messageId)).content);
});

check("over HTTP an answer is stopped, and a refusal has its code", async () => {
  const thread = await newThread();
  let stopping;
  const { answer } = await askHttp(thread, "scripted/story", {
    onText(text, { streamId }) {
      if (text.length > 20) stopping ??= stopOverHttp({ url }, streamId);
    },
  });
  await stopping;
  assert.equal(answer.status, "stopped");
  await assert.rejects(
    askHttp("nothread", "scripted/echo"),
    (error) => error instanceof HttpError && error.status === 404 && error.code === "not_found",
  );
  const controller = new AbortController();
  const leaving = askHttp(thread, "scripted/story", {
    signal: controller.signal,
    onText: () => controller.abort(),
  });
  await assert.rejects(leaving, { name: "AbortError" });
});

await run();
