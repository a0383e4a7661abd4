// One answer, read at the same time by a Convex client, EventSource, the AI SDK and a tRPC client.

import { createTRPCClient, httpSubscriptionLink } from "@trpc/client";
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { EventSource } from "eventsource";
import WebSocket from "ws";
import { assert, ask, check, proxyUrl, run, uniqueName, until, url } from "../../clients/js/harness.mjs";
import { Chat, call } from "./chats.mjs";

const TERMINAL = ["stream-finish", "stream-stopped", "stream-error"];
const isOver = (events) => TERMINAL.includes(events.at(-1)?.type);

async function send(prompt, model) {
  const projectId = uniqueName();
  const threadId = await call("mutation", "threads:create", { externalId: projectId });
  const sent = await call("mutation", "messages:send", { threadId, prompt, model });
  return { projectId, ...sent };
}

/** The stored events as a Convex client's subscriptions give them, page after page. */
function watchConvex(client, streamId) {
  const events = [];
  const follow = (after) => {
    const unsubscribe = client.onUpdate(
      anyApi.streamEvents.getStreamEvents,
      { streamId, after },
      (page) => {
        const fresh = page.events.filter(({ seq }) => seq > (events.at(-1)?.seq ?? 0));
        if (fresh.length === 0) return;
        events.push(...fresh);
        unsubscribe();
        if (!page.isDone) follow(page.lastSeq);
      },
    );
  };
  follow(0);
  return events;
}

/** The same as frames of an EventSource, which comes back by itself when it is cut off. */
function watchSource(streamId, server) {
  const events = [];
  const ids = [];
  const source = new EventSource(`${server}/stream-chat/${streamId}`);
  const take = ({ data, lastEventId }) => {
    events.push(JSON.parse(data));
    ids.push(Number(lastEventId));
    if (isOver(events)) source.close();
  };
  for (const type of [
    "stream-start",
    "text-start",
    "text-delta",
    "text-end",
    "reasoning-start",
    "reasoning-delta",
    "reasoning-end",
    "tool-input-start",
    "tool-input-delta",
    "tool-call",
    "tool-result",
    "step-finish",
    "attempt-reset",
    ...TERMINAL,
  ]) {
    source.addEventListener(type, take);
  }
  return { events, ids };
}

function watchTrpc({ messageId, projectId }) {
  const link = httpSubscriptionLink({ url: `${url}/trpc`, EventSource });
  const items = [];
  createTRPCClient({ links: [link] }).chat.streamResponse.subscribe(
    { assistantMessageId: messageId, projectId },
    { onData: ({ data }) => items.push(data) },
  );
  return items;
}

function same(name, prompt, model, { cuts = [], ending }) {
  check(name, async () => {
    const client = new ConvexClient(url, { webSocketConstructor: WebSocket, logger: false });
    try {
      const sent = await send(prompt, model);
      const convex = watchConvex(client, sent.streamId);
      const source = watchSource(sent.streamId, proxyUrl);
      const items = watchTrpc(sent);
      const chat = new Chat({ id: sent.projectId });
      const chatting = chat.resumeStream();
      for (const seq of cuts) {
        await until(() => (source.ids.at(-1) ?? 0) >= seq, `event ${seq}`);
        await ask("cut");
      }
      await until(() => isOver(convex) && isOver(source.events) && items.at(-1)?.type === "finalized");
      await chatting;

      assert.deepEqual(source.events, convex);
      assert.deepEqual(source.ids, convex.map(({ seq }) => seq));
      assert.deepEqual(source.ids, convex.map((_, at) => at + 1));
      assert.equal(convex.at(-1).type, ending);
      const { content } = await call("query", "streamEvents:reconstructStreamContent", {
        streamId: sent.streamId,
      });
      assert.equal(chat.text, content);
      assert.equal(items.at(-2).finalContent, content);
      const late = watchSource(sent.streamId, url);
      await until(() => isOver(late.events));
      assert.deepEqual(late.events, convex);
    } finally {
      await client.close();
    }
  });
}

const LONG = Array.from({ length: 120 }, (_, at) => `word${at}`).join(" ");
same("text", `Grüße an alle 🌍 ${LONG.slice(0, 300)}`, "scripted/echo", { ending: "stream-finish" });
same("tools", `count ${LONG.slice(0, 300)}`, "scripted/tools", { ending: "stream-finish" });
same("a failure", LONG.slice(0, 300), "scripted/fail", { ending: "stream-error" });
same("cuts", LONG, "scripted/echo", { cuts: [4, 20], ending: "stream-finish" });

await run();
