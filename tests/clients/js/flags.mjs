// Feature flags as a browser has them: live decisions, kill switch, overrides, percentages.

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";
import { assert, check, run, until, url } from "./harness.mjs";

const { flags, checkout } = anyApi;
const shopUrl = process.env.SHOP_URL;
const key = "realtime";
const MODES = ["legacy", "shadow", "mirror", "reactive", "reactive-only"];

function admin(address) {
  const http = new ConvexHttpClient(address);
  http.setAdminAuth("secret");
  return http;
}

const chat = admin(url);
const set = (args) => chat.mutation(flags.set, { key, ...args });

/** A client of the page and what it was told of the flag, each decision once. */
async function withClient(body) {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket });
  const seen = [];
  client.onUpdate(flags.get, { key }, (decision) => seen.push(decision));
  try {
    await until(() => seen.length > 0);
    await body(client, seen);
  } finally {
    await client.close();
    await set({ variant: "reactive", enabled: true });
  }
}

check("a flip is pushed, with its revision", () =>
  withClient(async (_, seen) => {
    for (const variant of [...MODES, ...MODES.toReversed()]) {
      const told = seen.length;
      const revision = await set({ variant });
      await until(() => seen.length > told);
      assert.equal(seen.length, told + 1, "one push for one change");
      assert.deepEqual(seen.at(-1), { key, variant, reason: "DEFAULT", revision });
    }
  }),
);

check("the kill switch wins, and gives back what was there", () =>
  withClient(async (_, seen) => {
    await set({ variant: "mirror" });
    await set({ userId: "local", variant: "reactive-only" });
    await until(() => seen.at(-1).variant === "reactive-only");
    await set({ enabled: false });
    await until(() => seen.at(-1).variant === "legacy");
    assert.equal(seen.at(-1).reason, "DISABLED");
    await set({ enabled: true });
    await until(() => seen.at(-1).variant === "reactive-only");
    assert.equal(seen.at(-1).reason, "TARGETING_MATCH");
    await set({ userId: "local" });
    await until(() => seen.at(-1).variant === "mirror");
  }),
);

check("a flag that nobody has heard of is legacy", async () => {
  const found = await new ConvexHttpClient(url).query(flags.get, { key: "unheard-of" });
  assert.deepEqual(found, { key: "unheard-of", variant: "legacy", reason: "ERROR", revision: 0 });
});

check("only an admin sets flags, and is told what is wrong", async () => {
  const anybody = new ConvexHttpClient(url);
  await assert.rejects(anybody.mutation(flags.set, { key, variant: "legacy" }), /Could not find/);
  await assert.rejects(anybody.mutation(flags.start, { values: {} }), /Could not find/);
  for (const [args, message] of [
    [{ variant: "new" }, "variant: 'new' is no variant of realtime"],
    [{ variant: "legacy", percentage: 101 }, "percentage: must be 0 to 100"],
    [{ userId: " ", variant: "legacy" }, "userId: is empty"],
    [{}, "variant: is missing"],
  ]) {
    const error = await set(args).catch((caught) => caught);
    assert.equal(error.data?.code, "invalid_request", message);
    assert.ok(error.data.message.startsWith(message), error.data.message);
  }
});

check("answers keep the decision that they began with", () =>
  withClient(async (client, seen) => {
    const { threads, messages, streams } = anyApi;
    const threadId = await client.mutation(threads.create, {});
    const decided = [];
    for (const variant of ["legacy", "mirror", "reactive"]) {
      await set({ variant, percentage: 100 });
      const { streamId } = await client.mutation(messages.send, { threadId, prompt: "hi" });
      const info = await client.query(streams.debugInfo, { streamId });
      decided.push([info.variant, info.reason]);
    }
    assert.deepEqual(decided, [
      ["legacy", "SPLIT"],
      ["mirror", "SPLIT"],
      ["reactive", "SPLIT"],
    ]);
    await until(() => seen.at(-1).reason === "SPLIT");
  }),
);

check("two thousand users stay inside while a percentage widens", async () => {
  const shop = admin(shopUrl);
  const users = Array.from({ length: 2_000 }, (_, n) => `https://issuer.example|user${n}`);
  const everybody = { key: "new-checkout", variant: "on" };
  let before = new Set();
  for (const percentage of [0, 1, 10, 50, 100]) {
    await shop.mutation(flags.set, { ...everybody, percentage });
    const inside = new Set();
    for (let at = 0; at < users.length; at += 250) {
      const some = users.slice(at, at + 250);
      for (const user of await shop.query(checkout.inside, { key: "new-checkout", users: some })) {
        inside.add(user);
      }
    }
    assert.ok([...before].every((user) => inside.has(user)), `${percentage} % put somebody out`);
    // Five standard deviations of a fair coin are 112 users.
    assert.ok(Math.abs(inside.size - 20 * percentage) <= 112, `${percentage}: ${inside.size}`);
    before = inside;
  }
  assert.equal(before.size, 2_000);
});

check("another team's feature follows its own flags", async () => {
  const shop = admin(shopUrl);
  const client = new ConvexClient(shopUrl, { webSocketConstructor: WebSocket });
  const pages = [];
  client.onUpdate(checkout.page, {}, (page) => pages.push(page));
  try {
    await shop.mutation(flags.set, { key: "new-checkout", variant: "on", enabled: true });
    await until(() => pages.at(-1)?.is_new === true);
    await shop.mutation(flags.set, { key: "steps", variant: "few", user_id: "local" });
    await until(() => pages.at(-1).steps === 2);
    await shop.mutation(flags.set, { key: "new-checkout", enabled: false });
    await until(() => pages.at(-1).is_new === false);
    assert.deepEqual(pages.at(-1), { is_new: false, steps: 2 });
  } finally {
    await client.close();
  }
});

await run();
