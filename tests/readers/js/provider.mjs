// The AI SDK's chat while the model behind the app thinks, fails, is cut short or refuses.

import { assert, check, run, uniqueName } from "../../clients/js/harness.mjs";
import { Chat, stored } from "./chats.mjs";

const version = Number(process.env.AI_SDK.slice("ai".length));

async function answered(model) {
  const chat = new Chat({ id: uniqueName(), body: { model, aiSdk: version } });
  await chat.sendMessage({ text: "Hello" });
  return chat;
}

check("thoughts are parts of their own", async () => {
  const chat = await answered("anthropic/thought");
  assert.equal(chat.status, "ready");
  assert.deepEqual(
    chat.parts("reasoning").map(({ text, state }) => [text, state]),
    [["Hm, so 🤔", "done"]],
  );
  assert.equal(chat.text, (await stored(chat.id))[1].content);
});

check("a void attempt is taken back where the client can, and leaves no open part", async () => {
  const chat = await answered(`anthropic/think-and-fail,ok#${version}`);
  assert.equal(chat.status, "ready");
  assert.equal(chat.finished[0].finishReason, "stop");
  const thoughts = chat.parts("reasoning").map(({ text, state }) => [text, state]);
  assert.deepEqual(thoughts, version >= 7 ? [] : [["Hm, ", "done"]]);
  assert.equal(chat.text, (await stored(chat.id))[1].content);
  assert.ok(chat.text.length > 0);
});

check("a failure before any text is an error", async () => {
  const chat = await answered("anthropic/401");
  assert.equal(chat.status, "error");
  assert.equal(chat.error.message, (await stored(chat.id))[1].errorText);
});

check("a connection to the provider that breaks is an error", async () => {
  const chat = await answered("openai/eof");
  assert.equal(chat.status, "error");
  const [, row] = await stored(chat.id);
  assert.equal(row.status, "error");
  assert.equal(chat.text, row.content);
});

check("an answer that is cut for its length says so", async () => {
  const chat = await answered("openai/length");
  assert.equal(chat.status, "ready");
  assert.equal(chat.finished[0].finishReason, "length");
});

check("an answer that is cut by a filter says so", async () => {
  const chat = await answered("openai/filter");
  assert.equal(chat.status, "ready");
  assert.equal(chat.finished[0].finishReason, "content-filter");
});

check("tools that the model calls side by side are run", async () => {
  const chat = await answered("openai/tools");
  assert.equal(chat.status, "ready");
  const tools = chat.answer.parts.filter(({ type }) => type.startsWith("tool-"));
  assert.equal(tools.length, 2);
  assert.ok(tools.every(({ state }) => state.startsWith("output-")));
});

check("a tool that there is not is an error of its part", async () => {
  const chat = await answered("openai/unknown-tool");
  assert.equal(chat.status, "ready");
  assert.deepEqual(
    chat.parts("tool-no_such_tool").map(({ state }) => state),
    ["output-error"],
  );
});

await run();
