// A task on both connections: text on the path of the flag, whatever happens in between.

import {
  contentOf,
  HybridTask,
} from "../../../examples/streaming-hooks/src/core/index.ts";
import {
  ask,
  askedQueries,
  assert,
  assertGrows,
  asServer,
  changes,
  check,
  ended,
  forgetTraffic,
  newThread,
  openConvex,
  openSocket,
  proxyUrl,
  query,
  run,
  send,
  setPath,
  stop,
  until,
  url,
} from "./app.mjs";

/** Runs with a task on both connections; `texts` is what its answer was over time. */
async function withTask(threadId, body, { socketUrl = url, convexUrl = url, fallbackMs } = {}) {
  forgetTraffic();
  const convex = openConvex(convexUrl);
  const socket = openSocket(socketUrl);
  const task = new HybridTask(convex, socket, threadId, fallbackMs);
  const texts = [];
  task.subscribe(() => {
    const { answer } = task.getSnapshot();
    if (answer) texts.push(contentOf(answer));
  });
  task.open();
  try {
    await body({ task, texts, socket, convex });
  } finally {
    task.close();
    socket.close();
    await convex.close();
  }
}

const now = (task) => task.getSnapshot();
const isComplete = (task) => now(task).answer?.status === "complete";

/** An answer with tools on one path, and what comes besides. */
async function tellOn(variant) {
  const isLegacy = variant === "legacy" || variant === "shadow";
  await setPath(variant);
  const thread = await newThread();
  await withTask(thread, async ({ task, texts, socket }) => {
    await until(() => now(task).path !== null && socket.told.some(([event]) => event === "stream-state"));
    assert.equal(now(task).path, isLegacy ? "legacy" : "reactive");
    const { streamId, messageId } = await task.send("Use your tools.", { llmModel: "scripted/tools" });
    task.follow(streamId);
    const entry = { data: "$ make", type: "stdout" };
    await asServer("tasks:terminalOutput", { taskId: thread, entry });
    await asServer("tasks:fsChange", { taskId: thread, operation: "write", filePath: "a.py" });
    await until(() => isComplete(task) && now(task).status?.status === "COMPLETED");
    await until(() => now(task).terminal.length === 1 && now(task).lastFsChange !== null);
    assertGrows(texts, (await ended(thread, messageId)).content);
    const { toolExecutions } = await query("streamEvents:reconstructStreamContent", { streamId });
    const tools = now(task).answer.parts.filter(({ type }) => type === "tool");
    assert.deepEqual(
      tools.map((tool) => [tool.toolName, tool.input, tool.output, tool.state]),
      toolExecutions.map((tool) => [tool.toolName, tool.input, tool.output, tool.status]),
    );
    assert.equal(tools.length, 2);
    const ofText = socket.told.filter(([event]) => /^stream-(chunk|complete|error)$/.test(event));
    const ofLog = askedQueries().filter((path) => path.startsWith("streamEvents:"));
    assert.deepEqual([ofText.length > 0, ofLog.length > 0], [isLegacy, !isLegacy]);
  });
}

check("legacy: text by the sockets only, all else as well", () => tellOn("legacy"));
check("shadow: text by the sockets only, all else as well", () => tellOn("shadow"));
check("mirror: text by the log only, all else by the sockets", () => tellOn("mirror"));
check("reactive: text by the log only, all else by the sockets", () => tellOn("reactive"));
check("reactive-only: text by the log only, all else by the sockets", () => tellOn("reactive-only"));

check("flips in mid-answer lose nothing", async () => {
  await setPath("legacy");
  const thread = await newThread();
  await withTask(thread, async ({ task, texts }) => {
    const { streamId, messageId } = await send(thread, "scripted/story");
    task.follow(streamId);
    const paths = [];
    task.subscribe(() => paths.push(now(task).path));
    const length = () => texts.at(-1)?.length ?? 0;
    for (const variant of ["reactive", "legacy", "mirror", "shadow", "reactive", "legacy", "reactive"]) {
      const before = length();
      await until(() => length() > before + 40);
      await setPath(variant);
    }
    const turned = now(task).answer.status;
    assert.equal(turned, "streaming", "all flips came before the end");
    const before = length();
    await until(() => length() > before + 40);
    await stop(streamId);
    await until(() => now(task).answer.status === "stopped");
    assertGrows(texts, (await ended(thread, messageId)).content);
    assert.ok(changes(paths.filter(Boolean)).length >= 7, changes(paths).join(" "));
  });
});

check("sockets that are cut go on from the last chunk", async () => {
  await setPath("legacy");
  const thread = await newThread();
  await withTask(
    thread,
    async ({ task, texts, socket }) => {
      const { streamId, messageId } = await send(thread, "scripted/story");
      task.follow(streamId);
      for (let cut = 0; cut < 3; cut += 1) {
        const length = texts.at(-1)?.length ?? 0;
        await until(() => (texts.at(-1)?.length ?? 0) > length + 40);
        await ask("cut");
        await until(() => !now(task).isConnected);
        await ask("heal");
      }
      const { length } = texts.at(-1);
      await until(() => texts.at(-1).length > length + 40);
      await stop(streamId);
      await until(() => now(task).answer.status === "stopped");
      assertGrows(texts, (await ended(thread, messageId)).content);
      const joins = socket.said.filter(([event, { since }]) => event === "join-task" && since?.seq > 0);
      assert.ok(joins.length >= 3, "each reconnect names its cursor");
    },
    { socketUrl: proxyUrl },
  );
});

check("live queries that are cut go on from the last event", async () => {
  await setPath("reactive");
  const thread = await newThread();
  await withTask(
    thread,
    async ({ task, texts }) => {
      const { streamId, messageId } = await send(thread, "scripted/story");
      task.follow(streamId);
      for (let cut = 0; cut < 2; cut += 1) {
        const length = texts.at(-1)?.length ?? 0;
        await until(() => (texts.at(-1)?.length ?? 0) > length + 40);
        await ask("cut");
        await ask("heal");
      }
      const { length } = texts.at(-1);
      await until(() => texts.at(-1).length > length + 40);
      await stop(streamId);
      await until(() => now(task).answer.status === "stopped");
      assertGrows(texts, (await ended(thread, messageId)).content);
    },
    { convexUrl: proxyUrl },
  );
});

check("while live queries are away the text comes by the sockets", async () => {
  await setPath("reactive");
  const thread = await newThread();
  await withTask(
    thread,
    async ({ task, texts, socket }) => {
      const chunks = () => socket.told.filter(([event]) => event === "stream-chunk").length;
      const longer = async () => {
        const length = texts.at(-1)?.length ?? 0;
        await until(() => (texts.at(-1)?.length ?? 0) > length + 40);
      };
      await until(() => now(task).path === "reactive" && now(task).isConnected);
      const { streamId, messageId } = await send(thread, "scripted/story");
      task.follow(streamId);
      await longer();
      assert.equal(chunks(), 0);
      await ask("cut");
      await until(() => now(task).path === "legacy");
      await longer();
      assert.ok(chunks() > 0);
      await ask("heal");
      await until(() => now(task).path === "reactive");
      await longer();
      const before = chunks();
      await longer();
      assert.equal(chunks(), before, "the sockets are silent again");
      await stop(streamId);
      await until(() => now(task).answer.status === "stopped");
      assertGrows(texts, (await ended(thread, messageId)).content);
    },
    { convexUrl: proxyUrl, fallbackMs: 100 },
  );
});

check("a stop by the socket keeps the text so far", async () => {
  for (const variant of ["legacy", "reactive"]) {
    await setPath(variant);
    const thread = await newThread();
    await withTask(thread, async ({ task, texts }) => {
      await until(() => now(task).isConnected);
      const { streamId, messageId } = await task.send("Go on.", { llmModel: "scripted/story" });
      task.follow(streamId);
      await until(() => (texts.at(-1)?.length ?? 0) > 20);
      await task.stop();
      await until(() => now(task).answer.status === "stopped" && now(task).status?.status === "STOPPED");
      assertGrows(texts, (await ended(thread, messageId)).content);
    });
  }
});

check("a failure has its code on both paths, and keeps the text", async () => {
  for (const variant of ["legacy", "reactive"]) {
    await setPath(variant);
    const thread = await newThread();
    await withTask(thread, async ({ task, texts }) => {
      await until(() => now(task).isConnected);
      const { streamId, messageId } = await task.send("Go on.", { llmModel: "scripted/fail" });
      task.follow(streamId);
      await until(() => now(task).answer?.error?.code && now(task).status?.status === "FAILED");
      const message = await ended(thread, messageId);
      assert.equal(now(task).answer.status, "error");
      await until(() => now(task).answer.error.code === message.errorCode);
      assertGrows(texts, message.content);
    });
  }
});

check("a task that is not there is an error that says so", async () => {
  await withTask("no such task", async ({ task }) => {
    await until(() => now(task).error !== null);
    assert.equal(now(task).error.code, "not_found");
    await assert.rejects(task.send("Hello?"), { code: "not_found" });
  });
});

await run();
