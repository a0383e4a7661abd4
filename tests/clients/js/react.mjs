// `ConvexReactClient` and the hooks of `convex/react`, rendered into a document of jsdom.

import { ConvexError } from "convex/values";
import { anyApi } from "convex/server";
import { JSDOM } from "jsdom";
import WebSocket from "ws";
import { assert, ask, changes, check, proxyUrl, run, uniqueName, until, url } from "./harness.mjs";

// React looks for a document when it is loaded, so this comes before its import.
const dom = new JSDOM("<!doctype html><body></body>");
globalThis.document = dom.window.document;
globalThis.window = dom.window;
globalThis.navigator ??= dom.window.navigator;

const React = (await import("react")).default;
const { createRoot } = await import("react-dom/client");
const {
  ConvexProvider,
  ConvexReactClient,
  useAction,
  useConvexConnectionState,
  useMutation,
  usePaginatedQuery,
  useQuery,
} = await import("convex/react");

const { counters, errors, items, nested } = anyApi;
const h = React.createElement;

/** Keeps what a client sends, so that a check can see which pages it asks for. */
class ListeningWebSocket extends WebSocket {
  static sent = [];

  send(data, ...rest) {
    ListeningWebSocket.sent.push(JSON.parse(data));
    return super.send(data, ...rest);
  }
}

/** Keeps the error of its children instead of showing them. */
class Boundary extends React.Component {
  state = { error: null };

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    this.props.onError(error);
  }

  render() {
    return this.state.error === null ? this.props.children : null;
  }
}

/**
 * Renders `useHooks` in a component of its own. `seen` is what it returned in every render,
 * `now()` the last of it.
 */
async function rendered(useHooks, body, address = url) {
  const client = new ConvexReactClient(address, {
    webSocketConstructor: ListeningWebSocket,
    unsavedChangesWarning: false,
    logger: false,
  });
  const seen = [];
  const caught = [];
  function Probe() {
    seen.push(useHooks());
    return null;
  }
  const root = createRoot(document.createElement("div"), { onCaughtError() {} });
  ListeningWebSocket.sent = [];
  root.render(
    h(
      ConvexProvider,
      { client },
      h(Boundary, { onError: (error) => caught.push(error) }, h(Probe)),
    ),
  );
  try {
    await body({ client, seen, caught, now: () => seen.at(-1) });
  } finally {
    root.unmount();
    await client.close();
  }
}

check("useQuery gives undefined, then each value", () => {
  const name = uniqueName();
  return rendered(
    () => useQuery(counters.get, { name }),
    async ({ client, seen, now }) => {
      await until(() => now() === 0);
      for (const value of [1, 2, 3]) {
        await client.mutation(counters.add, { name });
        await until(() => now() === value);
      }
      assert.deepEqual(changes(seen), [undefined, 0, 1, 2, 3]);
    },
  );
});

check("useQuery that is skipped asks for nothing", () =>
  rendered(
    () => [useQuery(counters.get, "skip"), useQuery(counters.total, { names: [] })],
    async ({ now }) => {
      await until(() => now()?.[1] === 0);
      assert.equal(now()[0], undefined);
      const paths = ListeningWebSocket.sent
        .flatMap((message) => message.modifications ?? [])
        .map((modification) => modification.udfPath);
      assert.deepEqual(paths, ["counters:total"]);
    },
  ),
);

check("two hooks never show one new and one old value", () => {
  const [left, right] = [uniqueName(), uniqueName()];
  return rendered(
    () => [useQuery(counters.get, { name: left }), useQuery(counters.get, { name: right })],
    async ({ client, seen, now }) => {
      await until(() => now()?.[0] === 0 && now()[1] === 0);
      for (let moved = 1; moved <= 20; moved++) {
        await client.mutation(counters.transfer, { source: left, target: right, amount: 1 });
      }
      await until(() => now()[1] === 20);
      const sums = seen
        .filter((pair) => !pair.includes(undefined))
        .map(([one, two]) => one + two);
      assert.deepEqual([...new Set(sums)], [0]);
    },
  );
});

check("a failing query throws in render", () =>
  rendered(
    () => useQuery(errors.dataQuery, {}),
    async ({ caught }) => {
      await until(() => caught.length === 1);
      assert.ok(caught[0] instanceof ConvexError);
      assert.deepEqual(caught[0].data, { code: "NOPE", count: 7n, list: [1.5, null] });
    },
  ),
);

check("useMutation with an optimistic update", () => {
  const name = uniqueName();
  return rendered(
    () => ({
      value: useQuery(counters.get, { name }),
      add: useMutation(counters.add).withOptimisticUpdate((store, args) => {
        const value = store.getQuery(counters.get, { name });
        store.setQuery(counters.get, { name }, value + args.by);
      }),
    }),
    async ({ seen, now }) => {
      await until(() => now()?.value === 0);
      for (const expected of [10, 20, 30]) {
        const call = now().add({ name, by: 10 });
        await until(() => now().value === expected);
        assert.equal(await call, expected);
      }
      assert.deepEqual(changes(seen.map(({ value }) => value)), [undefined, 0, 10, 20, 30]);
    },
  );
});

check("an optimistic update of a failed mutation is rolled back", () => {
  const name = uniqueName();
  return rendered(
    () => ({
      value: useQuery(counters.get, { name }),
      fail: useMutation(counters.add_then_fail).withOptimisticUpdate((store) =>
        store.setQuery(counters.get, { name }, 99),
      ),
    }),
    async ({ seen, now }) => {
      await until(() => now()?.value === 0);
      // React may be slower to show the update than the server is to refuse it.
      await ask("stall");
      const call = now().fail({ name });
      const outcome = call.then(
        () => "settled",
        () => "failed",
      );
      await until(() => now().value === 99);
      await ask("heal");
      assert.equal(await outcome, "failed");
      await until(() => now().value === 0);
      assert.deepEqual(changes(seen.map(({ value }) => value)), [undefined, 0, 99, 0]);
    },
    proxyUrl,
  );
});

check("useAction gives the action's result", () => {
  const name = uniqueName();
  return rendered(
    () => useAction(nested.two_transactions),
    async ({ now }) => {
      await until(() => now() !== undefined);
      assert.deepEqual(await now()({ name }), [1, 3]);
    },
  );
});

check("the connection state follows the connection", () =>
  rendered(
    () => [useConvexConnectionState(), useQuery(counters.get, { name: "any" })],
    async ({ seen, now }) => {
      await until(() => now()?.[0].isWebSocketConnected && now()[1] !== undefined);
      await ask("cut");
      await until(() => !now()[0].isWebSocketConnected);
      await until(() => now()[0].isWebSocketConnected && now()[0].connectionRetries === 0);
      assert.equal(now()[0].connectionCount, 2);
      // A break never takes a value away.
      const values = changes(seen.map(([, value]) => value));
      assert.equal(values.lastIndexOf(undefined), 0);
    },
    proxyUrl,
  ),
);

const ranks = (state) => state.results.map((item) => item.rank);
const tens = (count) => Array.from({ length: count }, (_, n) => n * 10);

async function filledList(client, count) {
  const list_name = uniqueName();
  await client.mutation(items.fill, { list_name, ranks: tens(count) });
  return list_name;
}

/** A list of `count` items and a hook that pages through it by five. */
function paged(count, body, address = url) {
  const setList = {};
  function usePages() {
    const [list, set] = React.useState(null);
    setList.set = set;
    return usePaginatedQuery(items.page, list === null ? "skip" : { list_name: list }, {
      initialNumItems: 5,
    });
  }
  return rendered(
    usePages,
    async (probe) => {
      const list_name = await filledList(probe.client, count);
      setList.set(list_name);
      await until(() => probe.now().results.length === Math.min(5, count));
      await body({ ...probe, list_name, shown: () => ranks(probe.now()) });
    },
    address,
  );
}

check("usePaginatedQuery loads page after page", () =>
  paged(12, async ({ seen, now, shown }) => {
    assert.equal(now().status, "CanLoadMore");
    now().loadMore(5);
    await until(() => shown().length === 10);
    assert.equal(now().status, "CanLoadMore");
    now().loadMore(5);
    await until(() => now().status === "Exhausted");
    assert.deepEqual(shown(), tens(12));
    const statuses = changes(seen.map(({ status }) => status));
    assert.deepEqual(statuses.slice(-6), [
      "LoadingFirstPage",
      "CanLoadMore",
      "LoadingMore",
      "CanLoadMore",
      "LoadingMore",
      "Exhausted",
    ]);
  }),
);

check("a short list is exhausted at once", () =>
  paged(3, async ({ now, shown }) => {
    assert.equal(now().status, "Exhausted");
    assert.deepEqual(shown(), [0, 10, 20]);
  }),
);

check("a row in the middle of a loaded page moves no other page", () =>
  paged(15, async ({ client, seen, now, shown, list_name }) => {
    now().loadMore(5);
    await until(() => shown().length === 10);
    await client.mutation(items.add, { list_name, rank: 15 });
    await until(() => shown().length === 11);
    assert.deepEqual(shown(), [0, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90]);
    await client.mutation(items.add, { list_name, rank: 45 });
    await until(() => shown().length === 12);
    assert.deepEqual(shown(), [0, 10, 15, 20, 30, 40, 45, 50, 60, 70, 80, 90]);
    for (const state of seen) {
      const all = ranks(state);
      assert.equal(new Set(all).size, all.length, `a row twice in ${all}`);
    }
  }),
);

check("a removed page leaves the others where they are", () =>
  paged(15, async ({ client, now, shown, list_name }) => {
    now().loadMore(5);
    await until(() => shown().length === 10);
    await client.mutation(items.remove_between, { list_name, low: 0, high: 40 });
    await until(() => shown().length === 5);
    assert.deepEqual(shown(), [50, 60, 70, 80, 90]);
    now().loadMore(5);
    await until(() => now().status === "Exhausted" || shown().length === 10);
    assert.deepEqual(shown(), [50, 60, 70, 80, 90, 100, 110, 120, 130, 140]);
  }),
);

check("a page that outgrows twice its size is split", () =>
  paged(12, async ({ client, seen, now, shown, list_name }) => {
    now().loadMore(5);
    await until(() => shown().length === 10);
    const added = [11, 12, 13, 14, 15, 16, 17, 18];
    for (const rank of added) await client.mutation(items.add, { list_name, rank });
    const expected = [...tens(10), ...added].toSorted((one, two) => one - two);
    await until(() => shown().length === expected.length);
    const splits = () =>
      ListeningWebSocket.sent
        .flatMap((message) => message.modifications ?? [])
        .filter((modification) => modification.args?.[0].paginationOpts?.endCursor)
        .map((modification) => modification.args[0].paginationOpts);
    await until(() => splits().length >= 2);
    const [low, high] = splits();
    assert.equal(low.endCursor, high.cursor);
    const removed = () =>
      ListeningWebSocket.sent
        .flatMap((message) => message.modifications ?? [])
        .filter((modification) => modification.type === "Remove").length;
    // The page that was split is dropped once both halves are there.
    await until(() => removed() >= 1);
    assert.deepEqual(shown(), expected);
    await client.mutation(items.add, { list_name, rank: 14.5 });
    await until(() => shown().includes(14.5));
    const after = [...expected, 14.5].toSorted((one, two) => one - two);
    assert.deepEqual(shown(), after);
    now().loadMore(5);
    await until(() => now().status === "Exhausted");
    assert.deepEqual(shown(), [...after, 100, 110]);
    for (const state of seen) {
      const all = ranks(state);
      assert.deepEqual(
        all,
        all.toSorted((one, two) => one - two),
      );
      assert.equal(new Set(all).size, all.length, `a row twice in ${all}`);
    }
  }),
);

check("loaded pages keep their rows over a reconnect", () =>
  paged(
    15,
    async ({ client, seen, now, shown, list_name }) => {
      now().loadMore(5);
      await until(() => shown().length === 10);
      await client.mutation(items.add, { list_name, rank: 15 });
      await until(() => shown().length === 11);
      const before = seen.length;
      await ask("cut");
      await until(() => !client.connectionState().isWebSocketConnected);
      await ask("addItemElsewhere", list_name, 25);
      await until(() => shown().length === 12);
      assert.deepEqual(shown(), [0, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90]);
      for (const state of seen.slice(before)) {
        assert.ok([11, 12].includes(state.results.length), `it showed ${ranks(state)}`);
      }
    },
    proxyUrl,
  ),
);

await run();
