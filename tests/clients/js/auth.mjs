// Login, refresh, logout and expiry with the npm package's clients. Tokens come from the test.

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { anyApi } from "convex/server";
import { JSDOM } from "jsdom";
import WebSocket from "ws";
import { assert, ask, changes, check, run, uniqueName, until, url } from "./harness.mjs";

// React looks for a document when it is loaded, so this comes before its import.
const dom = new JSDOM("<!doctype html><body></body>");
globalThis.document = dom.window.document;
globalThis.window = dom.window;
globalThis.navigator ??= dom.window.navigator;

const React = (await import("react")).default;
const { createRoot } = await import("react-dom/client");
const { ConvexProviderWithAuth, useConvexAuth, useMutation, useQuery } = await import(
  "convex/react"
);

const { who } = anyApi;
const h = React.createElement;
const ownUrl = process.env.OWN_URL;

/**
 * A `fetchToken` for `setAuth`; `fetched` is what it gave, `changes` what the client made of it. It
 * says true once more after each refresh.
 */
function login(subject, makeToken = () => ask("token", subject, 600)) {
  const fetched = [];
  const changes = [];
  const fetchToken = async ({ forceRefreshToken }) => {
    const token = await makeToken(fetched.length, forceRefreshToken);
    fetched.push(token);
    return token;
  };
  const onChange = (is) => changes.at(-1) === is || changes.push(is);
  return { fetched, changes, fetchToken, onChange };
}

function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/** Waits until a token is over by its own words. */
function isOver(token) {
  return until(() => Date.now() >= claims(token).exp * 1000, "the token ends");
}

async function withClient(body, address = url, options = {}) {
  const client = new ConvexClient(address, { logger: false, ...options });
  const values = [];
  client.onUpdate(who.my_name, {}, (value) => values.push(value));
  try {
    await body(client, values);
  } finally {
    await client.close();
  }
}

check("setAuth logs in and clearAuth logs out", () =>
  withClient(async (client, values) => {
    const free = [];
    client.onUpdate(who.all_notes, {}, (value) => free.push(value));
    await until(() => values.length === 1 && free.length === 1);
    const name = uniqueName();
    const ada = login(name);
    client.setAuth(ada.fetchToken, ada.onChange);
    await until(() => values.at(-1) === name && ada.fetched.length === 2);
    assert.equal(await client.query(who.my_name, {}), name);
    assert.deepEqual(await client.action(who.echo, {}), [name, name]);
    client.client.clearAuth();
    await until(() => values.at(-1) === "nobody");
    assert.deepEqual(values, ["nobody", name, "nobody"]);
    assert.deepEqual(ada.changes, [true]);
    assert.equal(free.length, 1);
    assert.equal(client.connectionState().connectionCount, 1);
  }),
);

check("another user takes over without a moment of nobody", () =>
  withClient(async (client, values) => {
    const [first, second] = [uniqueName(), uniqueName()];
    for (const name of [first, second]) {
      const user = login(name);
      client.setAuth(user.fetchToken, user.onChange);
      await until(() => values.at(-1) === name);
    }
    assert.deepEqual(values.filter((value) => value !== "nobody"), [first, second]);
    assert.ok(!values.slice(values.indexOf(first)).includes("nobody"));
  }),
);

check("a token of a few seconds is refreshed for as long as one likes", () =>
  withClient(
    async (client, values) => {
      const name = uniqueName();
      const ada = login(name, () => ask("token", name, 4));
      client.setAuth(ada.fetchToken, ada.onChange);
      await until(() => ada.fetched.length === 5, "five tokens");
      await isOver(ada.fetched[2]);
      assert.equal(await client.mutation(who.write, { text: name }), name);
      assert.deepEqual(ada.changes, [true]);
      assert.deepEqual(changes(values.slice(values.indexOf(name))), [name]);
      assert.equal(client.connectionState().connectionCount, 1);
    },
    url,
    { authRefreshTokenLeewaySeconds: 3 },
  ),
);

check("a token that is reused is refreshed before its end", () =>
  withClient(
    async (client, values) => {
      const name = uniqueName();
      const ada = login(name, (count) =>
        count === 0 ? ask("oldToken", name, 12) : ask("token", name, 600),
      );
      client.setAuth(ada.fetchToken, ada.onChange);
      await until(() => values.at(-1) === name && ada.fetched.length === 2);
      // Not at once, as other tokens are, and not when it is over by its own length.
      const left = claims(ada.fetched[0]).exp * 1000 - Date.now();
      assert.ok(0 < left && left < 9_000, `${left} ms before its end`);
    },
    url,
    { authRefreshTokenLeewaySeconds: 8, initialAuthTokenReuse: true },
  ),
);

check("a mutation with a token that is over completes with the next one", () =>
  withClient(async (client, values) => {
    const name = uniqueName();
    // It says that it was issued long ago, so the client believes that it lives for long.
    const ada = login(name, (count) =>
      count < 2 ? ask("oldToken", name, 4 + count) : ask("token", name, 600),
    );
    client.setAuth(ada.fetchToken, ada.onChange);
    await until(() => values.at(-1) === name && ada.fetched.length === 2);
    await isOver(ada.fetched[1]);
    const pending = client.mutation(who.write, { text: name });
    assert.equal(await pending, name);
    assert.equal(ada.fetched.length, 3);
    const notes = await client.query(who.my_notes, {});
    assert.deepEqual(notes, [name]);
    assert.ok(client.connectionState().connectionCount > 1);
    assert.ok(!values.slice(values.indexOf(name)).includes("nobody"));
  }),
);

check("a token that is always bad ends in nobody", () =>
  withClient(async (client, values) => {
    const eve = login("eve", () => ask("badToken", uniqueName()));
    client.setAuth(eve.fetchToken, eve.onChange);
    await until(() => eve.changes.length === 1);
    await until(() => values.at(-1) === "nobody");
    assert.deepEqual(eve.changes, [false]);
    assert.equal(eve.fetched.length, 4);
    assert.equal(await client.mutation(who.write, { text: uniqueName() }), "nobody");
  }),
);

check("an issuer that is down for a while keeps nobody out", () =>
  withClient(async (client, values) => {
    const name = uniqueName();
    await ask("breakIssuer", "503");
    const ada = login(name, () => ask("ownToken", name));
    client.setAuth(ada.fetchToken, ada.onChange);
    await until(() => client.connectionState().connectionRetries > 0);
    assert.deepEqual(ada.changes, []);
    await ask("healIssuer");
    await until(() => values.at(-1) === name);
    assert.deepEqual(ada.changes, [true]);
  }, ownUrl),
);

check("a key that is rotated while clients are connected", () =>
  withClient(async (client, values) => {
    const [before, after] = [uniqueName(), uniqueName()];
    const ada = login(before, () => ask("ownToken", before));
    client.setAuth(ada.fetchToken, ada.onChange);
    await until(() => values.at(-1) === before);
    await ask("rotate");
    const bob = login(after, () => ask("ownToken", after));
    client.setAuth(bob.fetchToken, bob.onChange);
    await until(() => values.at(-1) === after);
    assert.deepEqual(bob.changes, [true]);
  }, ownUrl),
);

check("ConvexHttpClient", async () => {
  const client = new ConvexHttpClient(url);
  const name = uniqueName();
  assert.equal(await client.query(who.my_name, {}), "nobody");
  client.setAuth(await ask("token", name, 600));
  assert.equal(await client.query(who.my_name, {}), name);
  assert.equal(await client.mutation(who.write, { text: name }), name);
  client.setAuth(await ask("badToken", name));
  await assert.rejects(client.query(who.my_name, {}), /InvalidAuthHeader/);
  client.clearAuth();
  assert.equal(await client.query(who.my_name, {}), "nobody");
});

check("ConvexProviderWithAuth and useConvexAuth", async () => {
  const client = new ConvexReactClient(url, {
    webSocketConstructor: WebSocket,
    unsavedChangesWarning: false,
    logger: false,
  });
  const name = uniqueName();
  const seen = [];
  let setUser;
  function useAuth() {
    const [user, set] = React.useState(null);
    setUser = set;
    const fetchAccessToken = React.useCallback(
      async () => (user === null ? null : ask("token", user, 600)),
      [user],
    );
    return { isLoading: false, isAuthenticated: user !== null, fetchAccessToken };
  }
  let write;
  function Probe() {
    const { isLoading, isAuthenticated } = useConvexAuth();
    write = useMutation(who.write);
    const mine = useQuery(who.my_notes, isAuthenticated ? {} : "skip");
    seen.push({ isLoading, isAuthenticated, mine, who: useQuery(who.my_name, {}) });
    return null;
  }
  const now = () => seen.at(-1);
  const root = createRoot(document.createElement("div"));
  root.render(h(ConvexProviderWithAuth, { client, useAuth }, h(Probe)));
  try {
    await until(() => now()?.who === "nobody" && !now().isLoading && !now().isAuthenticated);
    setUser(name);
    await until(() => now().isAuthenticated && now().who === name && now().mine?.length === 0);
    assert.equal(await write({ text: "first" }), name);
    await until(() => now().mine.length === 1);
    setUser(null);
    await until(() => !now().isAuthenticated && now().who === "nobody");
    assert.deepEqual(changes(seen.map((state) => state.who)), [undefined, "nobody", name, "nobody"]);
  } finally {
    root.unmount();
    await client.close();
  }
});

await run();
