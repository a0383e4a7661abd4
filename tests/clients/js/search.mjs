// Full-text search, watched by the clients that Convex's users have.

import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { JSDOM } from "jsdom";
import WebSocket from "ws";
import { assert, check, run, uniqueName, until, url } from "./harness.mjs";

// React looks for a document when it is loaded, so this comes before its import.
const dom = new JSDOM("<!doctype html><body></body>");
globalThis.document = dom.window.document;
globalThis.window = dom.window;
globalThis.navigator ??= dom.window.navigator;

const React = (await import("react")).default;
const { createRoot } = await import("react-dom/client");
const { ConvexProvider, ConvexReactClient, usePaginatedQuery } = await import("convex/react");

const { notes } = anyApi;

/** A word that no other check uses. */
const uniqueWord = () => `w${uniqueName().replaceAll(" ", "x")}`;

async function withClient(body) {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket });
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

const add = (client, key, fields) => client.mutation(notes.add, { key, fields });

check("a live search follows what is written", () =>
  withClient(async (client) => {
    const word = uniqueWord();
    const seen = [];
    client.onUpdate(notes.search, { text: `${word} sec` }, (keys) => seen.push(keys.join()));
    await until(() => seen.length === 1);
    await add(client, "one", { body: `${word} one` });
    await add(client, "two", { body: `${word} ${word} second` });
    await add(client, "other", { body: `un${word}` });
    await until(() => seen.at(-1) === "two,one");
    await client.mutation(notes.patch, { key: "two", fields: { body: "nothing" } });
    await until(() => seen.at(-1) === "one");
    assert.deepEqual(seen, ["", "one", "two,one", "one"]);
  }),
);

check("a search by what is typed narrows with every letter", () =>
  withClient(async (client) => {
    const word = uniqueWord();
    for (const end of ["a", "ab", "abc"]) await add(client, end, { body: word + end });
    const found = [];
    for (const typed of ["", "a", "ab", "abc", "abcd"]) {
      const keys = await client.query(notes.search, { text: word + typed });
      found.push(keys.toSorted().join());
    }
    assert.deepEqual(found, ["a,ab,abc", "a,ab,abc", "ab,abc", "abc", ""]);
  }),
);

check("usePaginatedQuery pages through a search that changes", async () => {
  const word = uniqueWord();
  const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket });
  const seen = [];
  function Probe() {
    const state = usePaginatedQuery(notes.page, { text: word }, { initialNumItems: 5 });
    seen.push(state);
    return null;
  }
  const bodies = Array.from({ length: 12 }, (_, n) => `${word} ` + "more ".repeat(n));
  await client.mutation(notes.add_many, { bodies, channel: word });
  const root = createRoot(document.createElement("div"));
  try {
    root.render(
      React.createElement(ConvexProvider, { client }, React.createElement(Probe)),
    );
    const now = () => seen.at(-1);
    const shown = () => now()?.results.map((note) => note.key.split(" ")[1]).join() ?? "";
    await until(() => shown() === "0,1,2,3,4");
    now().loadMore(5);
    await until(() => shown() === "0,1,2,3,4,5,6,7,8,9");
    await client.mutation(notes.add, { key: "x best", fields: { body: `${word} ${word}` } });
    await until(() => shown() === "best,0,1,2,3,4,5,6,7,8");
    await client.mutation(notes.delete, { key: `${word} 2` });
    await until(() => shown() === "best,0,1,3,4,5,6,7,8,9");
    now().loadMore(5);
    await until(() => now().status === "Exhausted");
    assert.equal(shown(), "best,0,1,3,4,5,6,7,8,9,10,11");
    for (const { results } of seen) {
      const keys = results.map((note) => note.key);
      assert.equal(new Set(keys).size, keys.length, `a note twice in ${keys}`);
    }
  } finally {
    root.unmount();
    await client.close();
  }
});

await run();
