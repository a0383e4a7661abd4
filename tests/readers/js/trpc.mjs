// The tRPC client's subscription over SSE.

import { createTRPCClient, httpSubscriptionLink } from "@trpc/client";
import { EventSource } from "eventsource";
import { assert, ask, check, proxyUrl, run, uniqueName, until, url } from "../../clients/js/harness.mjs";
import { call } from "./chats.mjs";

/** Watches an answer; `items` is what came, `ids` by what tracked ids. */
function watch(input, server = url) {
  const link = httpSubscriptionLink({ url: `${server}/trpc`, EventSource });
  const client = createTRPCClient({ links: [link] });
  const seen = { items: [], ids: [], states: [], error: undefined, isOver: false };
  seen.subscription = client.chat.streamResponse.subscribe(input, {
    onData({ id, data }) {
      seen.ids.push(id);
      seen.items.push(data);
    },
    onConnectionStateChange: ({ state }) => seen.states.push(state),
    onError: (error) => (seen.error = error),
    onComplete: () => (seen.isOver = true),
  });
  seen.over = () => until(() => seen.isOver || seen.error !== undefined, "the subscription ends");
  seen.text = () =>
    seen.items.filter(({ type }) => type === "delta").map(({ content }) => content).join("");
  return seen;
}

async function send(prompt, model = "scripted/echo") {
  const projectId = uniqueName();
  const threadId = await call("mutation", "threads:create", { externalId: projectId });
  const sent = await call("mutation", "messages:send", { threadId, prompt, model });
  return { input: { assistantMessageId: sent.messageId, projectId }, threadId, ...sent };
}

check("an answer arrives, and finalized is last", async () => {
  const { input } = await send("Hello wide world");
  const seen = watch(input);
  await seen.over();
  assert.equal(seen.error, undefined);
  assert.deepEqual(seen.items[0], { type: "status", status: "thinking" });
  assert.equal(seen.text(), "Hello wide world");
  assert.deepEqual(seen.items.slice(-2), [
    { type: "complete", finalContent: "Hello wide world" },
    { type: "finalized", status: "success" },
  ]);
  assert.ok(seen.ids.every((id) => typeof id === "string"));
  assert.equal(new Set(seen.ids).size, seen.ids.length);
  assert.equal(seen.states.at(-1), "idle");
});

check("whoever comes after the end gets all of it", async () => {
  const { input } = await send("Hello again");
  const first = watch(input);
  await first.over();
  const late = watch(input);
  await late.over();
  assert.deepEqual(late.items, first.items);
  assert.deepEqual(late.ids, first.ids);
});

check("a thread goes by its id too", async () => {
  const { input, threadId } = await send("by id");
  const seen = watch({ ...input, projectId: threadId });
  await seen.over();
  assert.equal(seen.text(), "by id");
});

check("finalized comes after the commit", async () => {
  const { input, streamId } = await send("is it there");
  const seen = watch(input);
  await until(() => seen.items.at(-1)?.type === "finalized");
  const state = await call("query", "streamEvents:getStreamState", { streamId });
  assert.equal(state.state, "finished");
});

check("tools are told by name", async () => {
  const { input } = await send("how late", "scripted/tools");
  const seen = watch(input);
  await seen.over();
  const told = seen.items.filter(({ type }) => type !== "delta" && type !== "complete");
  assert.deepEqual(told, [
    { type: "status", status: "thinking" },
    { type: "status", status: "tool_calling" },
    { type: "tool_start", name: "current_time" },
    { type: "tool_start", name: "count_text" },
    { type: "tool_result", name: "current_time", success: true },
    { type: "tool_result", name: "count_text", success: true },
    { type: "status", status: "thinking" },
    { type: "finalized", status: "success" },
  ]);
});

check("a failure is told, and then finalized", async () => {
  const { input } = await send("one two three four", "scripted/fail");
  const seen = watch(input);
  await seen.over();
  const [failure, last] = seen.items.slice(-2);
  assert.equal(failure.type, "error");
  assert.equal(failure.finalContent, "one two ");
  assert.deepEqual(last, { type: "finalized", status: "error" });
});

check("a stop completes it", async () => {
  const { input, streamId } = await send("x", "scripted/story");
  const seen = watch(input);
  await until(() => seen.text().length > 20);
  await call("mutation", "streams:stop", { streamId });
  await seen.over();
  assert.deepEqual(seen.items.slice(-2), [
    { type: "complete", finalContent: seen.text() },
    { type: "finalized", status: "success" },
  ]);
});

check("cuts lose and double nothing", async () => {
  const prompt = Array.from({ length: 120 }, (_, at) => `word${at}`).join(" ");
  const { input } = await send(prompt);
  const seen = watch(input, proxyUrl);
  for (const length of [50, 400]) {
    await until(() => seen.text().length > length, `more than ${length} characters`);
    await ask("cut");
  }
  await seen.over();
  assert.equal(seen.error, undefined);
  assert.equal(seen.text(), prompt);
  const calm = watch(input);
  await calm.over();
  assert.deepEqual(seen.ids, calm.ids);
  assert.deepEqual(seen.items, calm.items);
});

check("what is not there is an error", async () => {
  const { input } = await send("x");
  for (const wrong of [
    { ...input, assistantMessageId: "nothing" },
    { ...input, projectId: "nowhere" },
    { projectId: input.projectId },
  ]) {
    const seen = watch(wrong);
    await seen.over();
    assert.ok(seen.error !== undefined);
    assert.deepEqual(seen.items, []);
  }
});

await run();
