// A replay as a page of Convex's client sees it: an answer that grows, from nobody's model.

import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";
import { assert, ask, changes, check, run, until, url } from "../../clients/js/harness.mjs";

const threadId = process.env.THREAD_ID;

check("a watcher sees a replay grow", async () => {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket });
  const seen = [];
  client.onUpdate(anyApi.messages.legacyView, { threadId }, (shown) => seen.push(shown));
  await until(() => seen.length > 0);
  assert.deepEqual(seen[0], []);

  const text = await ask("replay");
  await until(() => seen.at(-1)[0]?.status === "complete");
  const texts = changes(seen.slice(1).map(([message]) => message.content));
  const isPart = (each) => each !== "" && each !== text;
  assert.ok(texts.some(isPart), `it came at once: ${JSON.stringify(texts)}`);
  for (const [at, each] of texts.entries()) assert.ok(each.startsWith(texts[at - 1] ?? ""));
  assert.equal(texts.at(-1), text);
  const [message] = seen.at(-1);
  assert.equal(message.model, "replay");
  assert.equal(message.role, "assistant");
  await client.close();
});

await run();
