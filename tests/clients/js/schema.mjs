// A schema changes under an open ConvexClient, and vectors are searched. The test edits the app.

import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";
import { assert, ask, check, run, until, url } from "./harness.mjs";

const { notes, tasks } = anyApi;
const client = new ConvexClient(url, { webSocketConstructor: WebSocket });
const isOf = (app) => process.env.APP === app;

if (isOf("schema")) {
  check("live queries go on while an index is filled", async () => {
    const seen = [];
    client.onUpdate(tasks.titles, {}, (titles) => seen.push(titles.length));
    await until(() => seen.length === 1);
    const count = seen[0];
    await ask("edit");
    for (let number = 1; number <= 10; number++) {
      await client.mutation(tasks.add, { title: `later ${number}` });
      await until(() => seen.at(-1) === count + number);
    }
    assert.equal(await ask("reloads"), 0);
    await ask("release");
    // The new code lists tasks of one point by the new index: the later ones are among them.
    await until(() => seen.at(-1) === count / 5 + 10);
    await client.mutation(tasks.add, { title: "last" });
    await until(() => seen.at(-1) === count / 5 + 11);
  });
}

if (isOf("vectors")) {
  check("hits with filters", async () => {
    for (const [key, embedding, topic] of [
      ["x", [1, 0, 0], "a"],
      ["y", [0, 1, 0], "b"],
      ["z", [0, 0, 1], "c"],
      ["none", [1, 0], "a"],
    ]) {
      await client.mutation(notes.add, { key, fields: { embedding, topic } });
    }
    const hits = await client.action(notes.hits, { vector: [3, 2, 1] });
    const keys = await client.query(notes.keys, { ids: hits.map((hit) => hit._id) });
    assert.deepEqual(keys, ["x", "y", "z"]);
    const cosines = [3, 2, 1].map((part) => part / Math.hypot(3, 2, 1));
    hits.forEach(({ _score }, at) => assert.ok(Math.abs(_score - cosines[at]) < 1e-6));
    const args = { vector: [3, 2, 1], topics: ["c", "b"] };
    assert.deepEqual(await client.action(notes.of_topics, args), ["y", "z"]);
  });

  check("a vector of another length is an error that says so", async () => {
    await assert.rejects(
      client.action(notes.hits, { vector: [1, 2] }),
      /by_embedding has 3 dimensions, and the vector that is searched for has 2/,
    );
    await assert.rejects(
      client.action(notes.hits, { vector: [1, 2, 3], limit: 1000 }),
      /asks for 1000 results \(limit: 256\)/,
    );
  });
}

await run();
