// The hooks of tasks and messages, rendered by React, with the real clients.

import {
  useEventStreamingChat,
  useHttpTutorStream,
  useHybridTask,
  useMessageStreaming,
  useStreamingChatCompat,
  useThreadId,
} from "../../../examples/streaming-hooks/src/react/index.ts";
import {
  askedQueries,
  assert,
  assertGrows,
  asServer,
  changes,
  check,
  ended,
  ListeningWebSocket,
  newThread,
  openQueries,
  query,
  run,
  send,
  setPath,
  stop,
  until,
} from "./app.mjs";
import { isGrowing, withHook } from "./rendering.mjs";

/** The text of the answer that is being made, in each render that had one. */
function textsOf(seen, messageId) {
  return seen.flatMap(({ streamingPartsMap: parts }) => {
    const own = [...parts.values()].filter((part) => part.messageId === messageId);
    if (own.length === 0) return [];
    return [own.filter(({ type }) => type === "text").map(({ text }) => text).join("")];
  });
}

function assertPartsFit(seen) {
  for (const { streamingPartsMap: parts, streamingPartsOrder: order, isStreaming } of seen) {
    assert.deepEqual([...parts.keys()], order);
    if (parts.size > 0) assert.ok(isStreaming);
  }
}

check("useMessageStreaming shows an answer that grows and ends", async () => {
  const thread = await newThread();
  await withHook(({ taskId }) => useMessageStreaming(taskId), async ({ now, seen }) => {
    const { messageId } = await send(thread, "scripted/echo", "and so on ".repeat(50));
    await until(() => now().isStreaming);
    await until(() => now().messages.at(-1)?.status === "complete");
    const { content } = await ended(thread, messageId);
    const texts = textsOf(seen, messageId);
    isGrowing(texts);
    assertGrows([...texts, now().messages.at(-1).content], content);
    assertPartsFit(seen);
    assert.deepEqual([now().isStreaming, now().streamingPartsOrder], [false, []]);
    assert.deepEqual(now().messages.map(({ role }) => role), ["user", "assistant"]);
    await until(() => !openQueries().some((path) => path.startsWith("parts:")));
  }, { props: { taskId: thread } });
});

check("useMessageStreaming shows tools as they run, in a stable order", async () => {
  const thread = await newThread();
  await withHook(({ taskId }) => useMessageStreaming(taskId), async ({ now, seen }) => {
    await send(thread, "scripted/tools");
    await until(() => now().messages.at(-1)?.status === "complete");
    assertPartsFit(seen);
    const orders = changes(seen.map(({ streamingPartsOrder: order }) => order).filter((order) => order.length > 0));
    for (const [at, order] of orders.entries()) {
      assert.deepEqual((orders[at + 1] ?? order).slice(0, order.length), order);
    }
    const tools = seen.flatMap(({ streamingPartsMap: parts }) => [...parts.values()]).filter(({ type }) => type === "tool");
    assert.ok(tools.some(({ state }) => state === "completed"));
    for (const tool of tools) {
      assert.equal(tool.output !== undefined, tool.state === "completed");
      assert.equal(tool.endedAt !== undefined, tool.state === "completed");
    }
  }, { props: { taskId: thread } });
});

check("an undefined id subscribes to nothing, in none of the hooks", async () => {
  const hooks = {
    useMessageStreaming: ({ id }) => useMessageStreaming(id),
    useHybridTask: ({ id }) => useHybridTask(id),
    useEventStreamingChat: ({ id }) => useEventStreamingChat({ sessionId: id }),
    useStreamingChatCompat: ({ id }) => useStreamingChatCompat({ sessionId: id }),
    useHttpTutorStream: ({ id }) => useHttpTutorStream({ sessionId: id }),
    useThreadId: ({ id }) => ({ threadId: useThreadId(id) }),
  };
  const thread = await newThread();
  for (const [name, useHook] of Object.entries(hooks)) {
    await withHook(useHook, async ({ socket, now, render }) => {
      await until(() => socket.told.some(([event]) => event === "connection-info"));
      const sent = ListeningWebSocket.all.flatMap((one) => one.sent);
      const said = sent.filter(({ type }) => type !== "Connect" && type !== "Event");
      assert.deepEqual(said.flatMap(({ modifications = [1] }) => modifications), [], name);
      assert.deepEqual(socket.said, [], name);
      if (now().sendStreamingMessage) await assert.rejects(now().sendStreamingMessage("Hello?"));
      if (now().sendMessage) await assert.rejects(now().sendMessage("Hello?"));
      if (name === "useHttpTutorStream") return;
      render({ id: thread });
      await until(() => ListeningWebSocket.all.some((one) => one.sent.length > said.length + 2) || askedQueries().length > 0 || now().threadId);
      render({ id: undefined });
      await until(() => openQueries().length === 0, `${name} lets go of everything`);
      if (name === "useHybridTask") {
        await until(() => socket.said.at(-1)?.[0] === "leave-task");
      }
    });
  }
});

function hybridOn(variant, isLegacy) {
  return async () => {
    await setPath(variant);
    const thread = await newThread();
    await withHook(({ taskId }) => useHybridTask(taskId), async ({ now, seen, socket }) => {
      await until(() => now().isConnected && now().path !== undefined);
      const { messageId } = await now().sendMessage("Use your tools.", { llmModel: "scripted/tools" });
      await asServer("tasks:terminalOutput", { taskId: thread, entry: { data: "$ make", type: "stdout" } });
      await until(() => now().messages.at(-1)?.status === "complete");
      await until(() => now().status?.status === "COMPLETED" && now().terminal.length === 1);
      assert.deepEqual(
        changes(seen.map(({ status }) => status?.status).filter(Boolean)),
        ["RUNNING", "COMPLETED"],
      );
      const { content } = await ended(thread, messageId);
      assertGrows([...textsOf(seen, messageId), now().messages.at(-1).content], content);
      assertPartsFit(seen);
      const chunks = socket.told.filter(([event]) => /^stream-(chunk|complete|error)$/.test(event));
      const logs = askedQueries().filter((path) => /^(streamEvents|parts):/.test(path));
      assert.deepEqual([chunks.length > 0, logs.length > 0], [isLegacy, !isLegacy]);

      const { streamId } = await now().sendMessage("Go on.", { llmModel: "scripted/story" });
      await until(() => textsOf([now()], now().messages.at(-1)._id)[0]?.length > 20);
      await now().stopStream();
      await until(() => now().messages.at(-1)?.status === "stopped");
      assert.equal(now().messages.at(-1).streamId, streamId);
      assert.equal(now().isStreaming, false);
    }, { props: { taskId: thread }, isStrict: true });
  };
}

check("useHybridTask on the new path: text by the log, all else by the socket", hybridOn("reactive", false));
check("useHybridTask on the old path: all by the socket", hybridOn("legacy", true));

check("a failed answer that one window dismisses is gone in the other, on both paths", async () => {
  for (const [variant, useHook] of [["legacy", useHybridTask], ["reactive", useMessageStreaming]]) {
    await setPath(variant);
    const thread = await newThread();
    const props = { taskId: thread };
    const failure = ({ messages }) => messages.find(({ status }) => status === "error");
    await withHook(({ taskId }) => useMessageStreaming(taskId), async ({ now: other }) => {
      await withHook(({ taskId }) => useHook(taskId), async ({ now }) => {
        const { userMessageId, messageId, streamId } = await send(thread, "scripted/fail");
        await until(() => failure(now()) && failure(other()));
        await now().dismissMessage(messageId);
        await until(() => !failure(now()) && !failure(other()));
        for (const each of [now(), other()]) {
          assert.deepEqual(each.messages.map(({ _id }) => _id), [userMessageId]);
          assert.equal(each.isStreaming, false);
        }
        const { parts } = await query("streamEvents:reconstructStreamContent", { streamId });
        assert.ok(parts.length > 0, "its rows stay");
        const live = await send(thread, "scripted/story");
        await assert.rejects(now().dismissMessage(live.messageId), ({ data }) => data.code === "conflict");
        await stop(live.streamId);
      }, { props });
    }, { props });
  }
});

check("useHybridTask loses nothing when the flag flips in mid-answer", async () => {
  await setPath("reactive");
  const thread = await newThread();
  await withHook(({ taskId }) => useHybridTask(taskId), async ({ now, seen }) => {
    await until(() => now().isConnected);
    const { messageId, streamId } = await now().sendMessage("Go on.", { llmModel: "scripted/story" });
    const length = () => textsOf([now()], messageId)[0]?.length ?? 0;
    for (const variant of ["legacy", "reactive", "legacy", "mirror"]) {
      const before = length();
      await until(() => length() > before + 40);
      await setPath(variant);
    }
    const before = length();
    await until(() => length() > before + 40);
    await stop(streamId);
    await until(() => now().messages.at(-1)?.status === "stopped");
    const { content } = await ended(thread, messageId);
    assertGrows([...textsOf(seen, messageId), now().messages.at(-1).content], content);
    const paths = changes(seen.filter(({ isStreaming }) => isStreaming).map(({ path }) => path));
    assert.deepEqual(paths, ["reactive", "legacy", "reactive", "legacy", "reactive"]);
    assertPartsFit(seen);
  }, { props: { taskId: thread } });
});

await run();
