// The hooks of chats, old and new, and that of plain HTTP, rendered by React.

import {
  useEventStreamingChat,
  useHttpTutorStream,
  useMessageStreaming,
  useStreamingChatCompat,
  useThreadId,
} from "../../../examples/streaming-hooks/src/react/index.ts";
import {
  ask,
  askedQueries,
  assert,
  assertGrows,
  changes,
  check,
  ended,
  mutation,
  newThread,
  openConvex,
  openQueries,
  openSocket,
  proxyUrl,
  query,
  run,
  setPath,
  stop,
  until,
} from "./app.mjs";
import { isGrowing, withHook } from "./rendering.mjs";

const chatTexts = (seen, id) =>
  seen.flatMap(({ streamingMessage: one }) => (one?.id === id ? [one.content] : []));

check("useEventStreamingChat has the old hook's keys, and tells what it has counted", async () => {
  await setPath("reactive");
  const thread = await newThread();
  const options = { sessionId: thread, model: "scripted/tools", pollInterval: 20 };
  let keys;
  await withHook(useStreamingChatCompat, async ({ now }) => {
    keys = Object.keys(now()).sort();
  }, { props: options });
  await withHook(useEventStreamingChat, async ({ now, seen }) => {
    assert.deepEqual(Object.keys(now()).sort(), [...keys, "debugInfo"].sort());
    assert.equal(now().streamingMessage, null);
    await until(() => openQueries().includes("flags:get"));
    const sent = await now().sendStreamingMessage("Use your tools.");
    await until(() => now().streamingMessage?.status === "complete");
    assert.equal(now().isStreaming, false);
    const { content } = await ended(thread, sent.messageId);
    assertGrows(chatTexts(seen, sent.streamId), content);
    await until(() => now().debugInfo?.client.eventCount === now().debugInfo?.eventCount && now().debugInfo?.eventCount > 0);
    const { client, ...server } = now().debugInfo;
    assert.deepEqual(client.countsByType, server.countsByType);
    assert.equal(client.reconnects, 0);
    assert.deepEqual([client.lastSeq, now().streamingMessage.eventCount], [server.lastSeq, server.durableSeq]);

    const tools = seen.flatMap(({ streamingMessage: one }) => one?.toolExecutions ?? []);
    assert.equal(now().streamingMessage.toolExecutions.length, 2);
    for (const tool of tools) {
      assert.ok(["pending", "running", "completed", "error"].includes(tool.status));
      assert.equal(tool.endTime !== null, tool.status === "completed");
      assert.equal(tool.output !== null, tool.status === "completed");
      if (tool.endTime !== null) assert.ok(tool.endTime >= tool.startTime);
    }
    now().clearStreaming();
    await until(() => now().streamingMessage === null);
    assert.equal((await ended(thread, sent.messageId)).content, content, "nothing was lost by it");
  }, { props: options });
});

check("useStreamingChatCompat shows the text of a message that grows", async () => {
  const thread = await newThread();
  await withHook(useStreamingChatCompat, async ({ now, seen }) => {
    const sent = await now().sendStreamingMessage("Tell me.");
    await until(() => chatTexts([now()], sent.streamId)[0]?.length > 200);
    await stop(sent.streamId);
    await until(() => now().streamingMessage?.status === "stopped");
    const texts = chatTexts(seen, sent.streamId);
    isGrowing(texts);
    assertGrows(texts, (await ended(thread, sent.messageId)).content);
    assert.ok(!askedQueries().some((path) => /^(streamEvents|parts):/.test(path)));
  }, { props: { sessionId: thread, model: "scripted/story" } });
});

check("useEventStreamingChat follows the flag in mid-answer", async () => {
  await setPath("legacy");
  const thread = await newThread();
  await withHook(useEventStreamingChat, async ({ now, seen }) => {
    const { streamId, messageId } = await now().sendStreamingMessage("Tell me.");
    const length = () => chatTexts([now()], streamId)[0]?.length ?? 0;
    for (const variant of ["reactive", "legacy", "reactive"]) {
      const before = length();
      await until(() => length() > before + 40);
      const isLegacy = variant === "legacy";
      await setPath(variant);
      await until(() => openQueries().includes("messages:legacyView") === isLegacy);
    }
    const before = length();
    await until(() => length() > before + 40);
    await stop(streamId);
    await until(() => now().streamingMessage?.status === "stopped");
    assertGrows(chatTexts(seen, streamId), (await ended(thread, messageId)).content);
  }, { props: { sessionId: thread, model: "scripted/story", pollInterval: 50 } });
});

check("useEventStreamingChat tells a failure, and what the server refuses", async () => {
  await setPath("reactive");
  const thread = await newThread();
  await withHook(useEventStreamingChat, async ({ now }) => {
    await now().sendStreamingMessage("Tell me.");
    await until(() => now().streamingMessage?.status === "error");
    assert.ok(now().streamingError.length > 0);
    assert.ok(now().streamingMessage.content.length > 0, "the text so far stays");
    now().clearStreaming();
    await until(() => now().streamingError === null);
    await assert.rejects(now().sendStreamingMessage("  "));
    await until(() => now().streamingError !== null);
  }, { props: { sessionId: thread, model: "scripted/fail" } });
});

/** What a second client sees of a thread: by live queries, and by a socket that asks for its history. */
async function secondClient(threadId) {
  const client = openConvex();
  const socket = openSocket();
  const views = {};
  const paginationOpts = { numItems: 20, cursor: null };
  client.onUpdate("messages:list", { threadId, paginationOpts }, ({ page }) => (views.list = page.toReversed()));
  for (const name of ["observe", "legacyView"]) {
    client.onUpdate(`messages:${name}`, { threadId }, (messages) => (views[name] = messages));
  }
  const history = () => {
    const told = new Promise((resolve) => socket.once("chat-history", ({ messages }) => resolve(messages)));
    socket.emit("get-chat-history", { taskId: threadId });
    return told;
  };
  const close = () => {
    socket.close();
    return client.close();
  };
  /** Waits until every way shows exactly the messages of these ids, and gives those of the list. */
  async function shows(ids) {
    const isAsExpected = (messages) => messages?.map(({ _id }) => _id).join() === ids.join();
    await until(() => [views.list, views.observe, views.legacyView].every(isAsExpected), ids.join());
    assert.ok(isAsExpected(await history()));
    return views.list;
  }
  return { shows, close };
}

const storedOf = ({ streamId, messageId }) =>
  Promise.all([
    query("streamEvents:reconstructStreamContent", { streamId }),
    query("streams:debugInfo", { streamId }),
    query("parts:order", { messageId }),
  ]);

function clearsAndDismisses(useHook) {
  return async () => {
    await setPath("reactive");
    const threadId = await newThread();
    const other = await secondClient(threadId);
    await withHook(useHook, async ({ now }) => {
      const sent = await now().sendStreamingMessage("one two three four");
      await until(() => now().streamingMessage?.status === "error");
      const both = [sent.userMessageId, sent.messageId];
      const seen = await other.shows(both);
      const stored = await storedOf(sent);

      now().clearStreaming();
      await until(() => now().streamingMessage === null && now().streamingError === null);
      assert.deepEqual(await storedOf(sent), stored);
      assert.deepEqual(await other.shows(both), seen);

      await now().dismissMessage(sent.messageId);
      await other.shows([sent.userMessageId]);
      assert.deepEqual(await storedOf(sent), stored);
      await now().dismissMessage(sent.messageId);
      await assert.rejects(now().dismissMessage(sent.userMessageId), ({ data }) => data.code === "invalid_request");
    }, { props: { sessionId: threadId, model: "scripted/fail" } });
    await other.close();
  };
}

check(
  "useEventStreamingChat clears a failed answer for itself, and dismisses it for everybody",
  clearsAndDismisses(useEventStreamingChat),
);
check(
  "useStreamingChatCompat clears a failed answer for itself, and dismisses it for everybody",
  clearsAndDismisses(useStreamingChatCompat),
);

check("a dismissed answer that was not cleared is shown no more, nor is its failure", async () => {
  await setPath("reactive");
  const threadId = await newThread();
  await withHook(useEventStreamingChat, async ({ now }) => {
    const { messageId } = await now().sendStreamingMessage("Tell me.");
    await until(() => now().streamingError !== null);
    await now().dismissMessage(messageId);
    await until(() => now().streamingMessage === null && now().streamingError === null);
  }, { props: { sessionId: threadId, model: "scripted/fail" } });
});

check("pollInterval is the least time between two texts", async () => {
  await setPath("reactive");
  const counts = {};
  for (const pollInterval of [1_000, 20]) {
    const thread = await newThread();
    await withHook(useEventStreamingChat, async ({ now, seen }) => {
      const start = performance.now();
      const { streamId } = await now().sendStreamingMessage("Tell me.");
      await until(() => chatTexts([now()], streamId)[0]?.length > 300);
      const seconds = (performance.now() - start) / 1_000;
      counts[pollInterval] = changes(chatTexts(seen, streamId)).length;
      if (pollInterval === 1_000) assert.ok(counts[1_000] <= seconds + 2, `${counts[1_000]} texts`);
      await stop(streamId);
      await until(() => now().streamingMessage?.status === "stopped");
    }, { props: { sessionId: thread, model: "scripted/story", pollInterval } });
  }
  assert.ok(counts[20] > counts[1_000], JSON.stringify(counts));
});

check("useHttpTutorStream reads an answer over a connection that breaks, without Convex", async () => {
  const thread = await newThread();
  const told = [];
  const props = {
    sessionId: thread,
    model: "scripted/story",
    onMessage: ({ content }) => told.push(content),
    onComplete: (message) => told.push(message),
    onError: (error) => assert.fail(error),
  };
  await withHook(useHttpTutorStream, async ({ now, seen }) => {
    const sending = now().sendMessage("Tell me.", "ada");
    await until(() => (now().streamingMessage?.content.length ?? 0) > 60);
    await ask("cut");
    await ask("heal");
    await until(() => now().streamingMessage.content.length > 160);
    assert.equal(now().isStreaming, true);
    await now().stop();
    await sending;
    await until(() => !now().isStreaming);
    const { id, content, status } = now().streamingMessage;
    assert.equal(status, "stopped");
    assert.equal((await ended(thread, id)).content, content);
    assertGrows(told.filter((one) => typeof one === "string"), content);
    isGrowing(seen.map(({ streamingMessage: one }) => one?.content));
    assert.deepEqual(told.at(-1).content, content);
    assert.deepEqual(askedQueries(), []);
  }, { props, httpUrl: proxyUrl });
});

check("useHttpTutorStream completes, tells failures, and a question that is left is let go of", async () => {
  const thread = await newThread();
  const told = [];
  const props = (model) => ({
    sessionId: thread,
    model,
    onComplete: ({ content }) => told.push(["complete", content]),
    onError: ({ message }) => told.push(["error", message]),
  });
  await withHook(useHttpTutorStream, async ({ now, render }) => {
    await now().sendMessage("one two three");
    assert.deepEqual(told.map(([kind]) => kind), ["complete"]);
    assert.match(told[0][1], /one two three/);
    const { sendMessage } = now();
    render(props("scripted/fail"));
    await until(() => now().sendMessage !== sendMessage);
    await now().sendMessage("Fail.");
    assert.equal(told[1][0], "error");
    await until(() => now().error !== null);
    const failing = now().sendMessage;
    render(props("scripted/story"));
    await until(() => now().sendMessage !== failing);
    const sending = now().sendMessage("Tell me.");
    await until(() => now().isStreaming && (now().streamingMessage?.content.length ?? 0) > 10);
    render({ ...props("scripted/story"), sessionId: undefined });
    await sending;
    await until(() => !now().isStreaming);
    assert.equal(told.length, 2);
  }, { props: props("scripted/echo") });
});

check("useThreadId gives the thread of a legacy id, the same each time", async () => {
  const externalId = crypto.randomUUID();
  const useBoth = () => {
    const threadId = useThreadId(externalId);
    return { threadId, ...useMessageStreaming(threadId) };
  };
  const found = [];
  for (let time = 0; time < 2; time += 1) {
    await withHook(useBoth, async ({ now }) => {
      await until(() => now().threadId !== undefined);
      found.push(now().threadId);
    });
  }
  assert.equal(found[0], found[1]);
  assert.equal(found[0], await mutation("threads:create", { externalId }));
  await query("messages:list", { threadId: found[0], paginationOpts: { numItems: 1, cursor: null } });
});

await run();
