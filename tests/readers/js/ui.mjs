// The AI SDK's chat, of the version that the test names, against the app.

import { assert, ask, check, proxyUrl, run, uniqueName, until, url } from "../../clients/js/harness.mjs";
import { Chat, stored } from "./chats.mjs";

const STORY = { model: "scripted/story" };

function stop(chat) {
  const { streamId } = chat.answer.metadata;
  return fetch(`${url}/stream-chat/${streamId}/stop`, { method: "POST" });
}

check("an answer arrives whole", async () => {
  const chat = new Chat({ id: uniqueName() });
  await chat.sendMessage({ text: "Hello wide world 🌍" });
  assert.equal(chat.status, "ready");
  assert.equal(chat.text, "Hello wide world 🌍");
  assert.deepEqual(chat.answer.parts.map((part) => part.type), ["step-start", "text"]);
  assert.equal(chat.parts("text")[0].state, "done");
  assert.equal(chat.finished[0].finishReason, "stop");
  const [asked, answered] = await stored(chat.id);
  assert.equal(asked.clientMessageId, chat.messages[0].id);
  assert.equal(answered._id, chat.answer.id);
  assert.equal(answered.content, chat.text);
  assert.equal(chat.answer.metadata.streamId, answered.streamId);
  assert.deepEqual(chat.answer.metadata.usage, answered.usage);
});

check("an answer grows while it is made", async () => {
  const chat = new Chat({ id: uniqueName(), body: STORY });
  const sending = chat.sendMessage({ text: "Tell me." });
  await until(() => chat.text.length > 0);
  const early = chat.text;
  await until(() => chat.text.length > early.length);
  assert.ok(chat.text.startsWith(early));
  assert.equal(chat.status, "streaming");
  await stop(chat);
  await sending;
});

check("a second message continues the thread", async () => {
  const chat = new Chat({ id: uniqueName() });
  await chat.sendMessage({ text: "first" });
  await chat.sendMessage({ text: "second" });
  assert.deepEqual((await stored(chat.id)).map((row) => row.content), [
    "first",
    "first",
    "second",
    "second",
  ]);
  assert.deepEqual(chat.messages.length, 4);
});

check("tools arrive with their input and output", async () => {
  const chat = new Chat({ id: uniqueName(), body: { model: "scripted/tools" } });
  await chat.sendMessage({ text: "how late" });
  assert.equal(chat.status, "ready");
  const [time] = chat.parts("tool-current_time");
  const [count] = chat.parts("tool-count_text");
  assert.equal(time.state, "output-available");
  assert.deepEqual(count.input, { text: "how late" });
  assert.deepEqual(count.output, { characters: 8, words: 2, lines: 1 });
  assert.deepEqual(chat.answer.parts.map((part) => part.type), [
    "step-start",
    "tool-current_time",
    "tool-count_text",
    "step-start",
    "text",
  ]);
  assert.equal(chat.text, (await stored(chat.id))[1].content);
});

check("a failure is an error, and the text so far stays", async () => {
  const chat = new Chat({ id: uniqueName(), body: { model: "scripted/fail" } });
  await chat.sendMessage({ text: "one two three four" });
  assert.equal(chat.status, "error");
  const [, row] = await stored(chat.id);
  assert.equal(chat.error.message, row.errorText);
  assert.equal(chat.text, "one two ");
  assert.equal(chat.parts("text")[0].state, "done");
});

check("a stop by somebody else ends the answer", async () => {
  const chat = new Chat({ id: uniqueName(), body: STORY });
  const sending = chat.sendMessage({ text: "x" });
  await until(() => chat.text.length > 20);
  assert.equal((await stop(chat)).status, 204);
  await sending;
  assert.equal(chat.status, "ready");
  assert.equal(chat.parts("text")[0].state, "done");
  const [, row] = await stored(chat.id);
  assert.equal(row.status, "stopped");
  assert.equal(row.content, chat.text);
});

check("a client that goes away misses nothing", async () => {
  const chat = new Chat({ id: uniqueName(), body: STORY });
  const sending = chat.sendMessage({ text: "x" });
  await until(() => chat.text.length > 20);
  await chat.stop();
  await sending;
  const early = chat.text;
  const late = new Chat({ id: chat.id });
  const resuming = late.resumeStream();
  await until(() => late.text.length > early.length);
  assert.ok(late.text.startsWith(early));
  await stop(late);
  await resuming;
  assert.equal(late.answer.id, chat.answer.id);
  const [, row] = await stored(chat.id);
  assert.equal(row.status, "stopped");
  assert.equal(row.content, late.text);
});

check("a connection that is cut is resumed", async () => {
  const id = uniqueName();
  const prompt = Array.from({ length: 80 }, (_, at) => `word${at}`).join(" ");
  const chat = new Chat({ id, server: proxyUrl });
  const sending = chat.sendMessage({ text: prompt });
  for (let cuts = 0; cuts < 3; cuts += 1) {
    const before = cuts * 100;
    await until(() => chat.text.length > before, `more than ${before} characters`);
    await ask("cut");
    if (cuts === 0) await sending;
    await until(() => chat.status !== "streaming" && chat.status !== "submitted");
    chat.clearError();
    const resumed = chat.resumeStream();
    if (cuts === 2) await resumed;
  }
  assert.equal(chat.status, "ready");
  assert.equal(chat.text, prompt);
  assert.equal(chat.messages.length, 2);
});

check("there may be nothing to resume", async () => {
  const chat = new Chat({ id: uniqueName() });
  await chat.resumeStream();
  assert.equal(chat.status, "ready");
  await chat.sendMessage({ text: "short" });
  const late = new Chat({ id: chat.id });
  await late.resumeStream();
  assert.equal(late.status, "ready");
  assert.deepEqual(late.messages, []);
});

check("an answer is made again in its place", async () => {
  const chat = new Chat({ id: uniqueName(), body: { model: "scripted/fail" } });
  await chat.sendMessage({ text: "say it well" });
  const first = chat.answer;
  chat.clearError();
  await chat.regenerate({ body: { model: "scripted/echo" } });
  assert.equal(chat.status, "ready");
  assert.equal(chat.text, "say it well");
  assert.equal(chat.answer.id, first.id);
  assert.notEqual(chat.answer.metadata.streamId, first.metadata.streamId);
  const rows = await stored(chat.id);
  assert.deepEqual(rows.map((row) => row.content), ["say it well", "say it well"]);
  assert.deepEqual([rows[1].status, rows[1].errorCode], ["complete", undefined]);
  await chat.regenerate({ messageId: first.id });
  assert.equal((await stored(chat.id)).length, 2);
});

check("an answer that is still being made is stopped first", async () => {
  const chat = new Chat({ id: uniqueName(), body: STORY });
  const sending = chat.sendMessage({ text: "x" });
  await until(() => chat.text.length > 20);
  await chat.stop();
  await sending;
  await chat.regenerate({ body: { model: "scripted/echo" } });
  assert.equal(chat.text, "x");
  assert.equal((await stored(chat.id)).length, 2);
});

check("a question that never arrived is asked instead", async () => {
  const chat = new Chat({ id: uniqueName() });
  await chat.sendMessage({ text: "  " });
  assert.equal(chat.status, "error");
  assert.match(chat.error.message, /invalid_request/);
  chat.messages = [{ id: "mended", role: "user", parts: [{ type: "text", text: "better" }] }];
  await chat.regenerate();
  assert.equal(chat.status, "ready");
  assert.equal(chat.text, "better");
});

check("an edited message is a message of its own", async () => {
  const chat = new Chat({ id: uniqueName() });
  await chat.sendMessage({ text: "befor" });
  await chat.sendMessage({ text: "before", messageId: chat.messages[0].id });
  assert.equal(chat.text, "before");
});

await run();
