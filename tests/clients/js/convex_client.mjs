// `ConvexClient` of the npm package, against a real server.

import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { ConvexError } from "convex/values";
import { assert, ask, changes, check, proxyUrl, run, uniqueName, until, url } from "./harness.mjs";

const { counters, deep, errors, faults, hidden, items, limits, big, nested, plain } = anyApi;

/** A client that is closed with the check, and that keeps what it would print. */
async function withClient(body, address = url, options = {}) {
  const client = new ConvexClient(address, { logger: false, ...options });
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

/** The values that a live query had, in order. */
function watch(client, query, args) {
  const values = [];
  const failures = [];
  const stop = client.onUpdate(
    query,
    args,
    (value) => values.push(value),
    (error) => failures.push(error),
  );
  return { values, failures, stop, last: () => values.at(-1) };
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

check("query, mutation and action", () =>
  withClient(async (client) => {
    const name = uniqueName();
    assert.equal(await client.query(counters.get, { name }), 0);
    assert.equal(await client.mutation(counters.add, { name, by: 5 }), 5);
    assert.deepEqual(await client.action(nested.two_transactions, { name }), [6, 8]);
    assert.equal(await client.query(counters.get, { name }), 8);
    assert.equal(await client.query(plain.default, {}), "hello world");
  }),
);

check("a live query is called with each new value", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    for (const value of [1, 2, 3]) {
      await client.mutation(counters.add, { name });
      await until(() => live.last() === value);
    }
    assert.deepEqual(live.values, [0, 1, 2, 3]);
  }),
);

check("a mutation settles no earlier than its write is seen", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    for (let value = 1; value <= 20; value++) {
      await client.mutation(counters.add, { name });
      assert.equal(live.last(), value);
    }
  }),
);

check("another client's write arrives", () =>
  withClient((writer) =>
    withClient(async (reader) => {
      const name = uniqueName();
      const live = watch(reader, counters.get, { name });
      await until(() => live.values.length === 1);
      await writer.mutation(counters.add, { name, by: 7 });
      await until(() => live.last() === 7);
    }),
  ),
);

check("an unsubscribed query is silent", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const stopped = watch(client, counters.get, { name });
    const live = watch(client, counters.total, { names: [name] });
    await until(() => stopped.values.length === 1 && live.values.length === 1);
    stopped.stop();
    await client.mutation(counters.add, { name });
    await until(() => live.last() === 1);
    assert.deepEqual(stopped.values, [0]);
    const again = watch(client, counters.get, { name });
    await until(() => again.last() === 1);
  }),
);

check("values of every kind come back as they were", () =>
  withClient(async (client) => {
    const bytes = new Uint8Array([0, 1, 255]).buffer;
    const value = {
      null: null,
      booleans: [true, false],
      numbers: [0, 1.5, -1, 5e-324, 1e308, NaN, Infinity, -Infinity, -0],
      bigints: [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
      text: "é \u{1f600} \u0000 \" \\",
      bytes,
      nested: [[{ deep: [] }], {}],
    };
    for (const back of [
      await client.query(deep.echo.query, { value }),
      await client.mutation(deep.echo.mutation, { value }),
      await client.action(deep.echo.action, { value }),
    ]) {
      assert.deepEqual(back, value);
      assert.ok(Object.is(back.numbers[8], -0));
      assert.ok(back.bytes instanceof ArrayBuffer);
    }
  }),
);

check("a failing query calls onError and recovers by itself", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.must_not_be_negative, { name });
    await until(() => live.values.length === 1);
    await client.mutation(counters.put, { name, value: -3 });
    await until(() => live.failures.length === 1);
    assert.ok(live.failures[0] instanceof ConvexError);
    assert.deepEqual(live.failures[0].data, { name, value: -3 });
    await client.mutation(counters.put, { name, value: 4 });
    await until(() => live.last() === 4);
  }),
);

check("errors reach the caller", () =>
  withClient(async (client) => {
    for (const [kind, call] of [
      ["Q", () => client.query(errors.boomQuery, {})],
      ["M", () => client.mutation(errors.boomMutation, {})],
      ["A", () => client.action(errors.boomAction, {})],
    ]) {
      const error = await failure(call());
      assert.ok(!(error instanceof ConvexError));
      assert.match(error.message, new RegExp(`^\\[CONVEX ${kind}\\(errors:boom`));
      assert.match(error.message, /\[Request ID: [0-9a-f]{16}\] Server Error/);
    }
  }),
);

check("application errors carry their data", () =>
  withClient(async (client) => {
    for (const call of [
      () => client.query(errors.dataQuery, {}),
      () => client.mutation(errors.dataMutation, {}),
      () => client.action(errors.dataAction, {}),
    ]) {
      const error = await failure(call());
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { code: "NOPE", count: 7n, list: [1.5, null] });
    }
    assert.equal((await failure(client.query(errors.textQuery, {}))).data, "only a text");
  }),
);

check("a wrong argument is named", () =>
  withClient(async (client) => {
    assert.match((await failure(client.query(counters.get, {}))).message, /name/);
    assert.match((await failure(client.mutation(counters.add, { name: 5 }))).message, /name/);
    assert.match((await failure(client.action(faults.slow, { seconds: "x" }))).message, /seconds/);
  }),
);

check("hidden and missing functions fail alike", () =>
  withClient(async (client) => {
    const plainText = async (reference, path) =>
      (await failure(client.query(reference, {}))).message
        .replaceAll(path, "PATH")
        .replace(/Request ID: \w+/, "");
    assert.equal(
      await plainText(hidden.secret_query, "hidden:secret_query"),
      await plainText(hidden.no_such, "hidden:no_such"),
    );
  }),
);

check("mutations run in the order of their calls", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const calls = Array.from({ length: 50 }, () => client.mutation(counters.add, { name }));
    assert.deepEqual(await Promise.all(calls), Array.from({ length: 50 }, (_, n) => n + 1));
  }),
);

check("two live queries never disagree", () =>
  withClient((writer) =>
    withClient(async (client) => {
      const [left, right] = [uniqueName(), uniqueName()];
      await writer.mutation(counters.put, { name: left, value: 100 });
      const values = {};
      const sums = [];
      client.onUpdate(counters.get, { name: left }, (value) => (values.left = value));
      client.onUpdate(counters.get, { name: right }, (value) => (values.right = value));
      await until(() => values.left !== undefined && values.right !== undefined);
      client.client.addOnTransitionHandler(() => {
        const [one, two] = [left, right].map((name) =>
          client.client.localQueryResult("counters:get", { name }),
        );
        sums.push(one + two);
      });
      for (let moved = 0; moved < 20; moved++) {
        await writer.mutation(counters.transfer, { source: left, target: right, amount: 1 });
      }
      await until(() => values.right === 20);
      assert.ok(sums.length >= 1);
      assert.deepEqual([...new Set(sums)], [100]);
    }),
  ),
);

const addOptimistically = {
  optimisticUpdate: (store, { name, by }) => {
    const value = store.getQuery(counters.get, { name });
    if (value !== undefined) store.setQuery(counters.get, { name }, value + by);
  },
};

check("an optimistic update is shown at once and never doubled", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    const call = client.mutation(counters.add, { name, by: 10 }, addOptimistically);
    assert.deepEqual(live.values, [0, 10]);
    assert.equal(await call, 10);
    assert.equal(live.last(), 10);
    for (let n = 0; n < 10; n++) {
      await client.mutation(counters.add, { name, by: 10 }, addOptimistically);
    }
    assert.deepEqual(changes(live.values), [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
  }),
);

check("an optimistic update of a failed mutation is rolled back", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    const call = client.mutation(
      counters.add_then_fail,
      { name },
      {
        optimisticUpdate: (store) => store.setQuery(counters.get, { name }, 99),
      },
    );
    await failure(call);
    await until(() => live.last() === 0);
    assert.deepEqual(changes(live.values), [0, 99, 0]);
  }),
);

check("the connection state tells what is going on", () =>
  withClient(async (client) => {
    assert.equal(client.connectionState().hasEverConnected, false);
    await until(() => client.connectionState().isWebSocketConnected);
    const name = uniqueName();
    const calls = [
      client.mutation(counters.add_slowly, { name, reads: 50 }),
      client.action(faults.slow, { seconds: 0.2 }),
    ];
    const busy = client.connectionState();
    assert.equal(busy.hasInflightRequests, true);
    assert.equal(busy.inflightMutations, 1);
    assert.equal(busy.inflightActions, 1);
    await Promise.all(calls);
    const idle = client.connectionState();
    assert.deepEqual(
      [idle.hasInflightRequests, idle.inflightMutations, idle.inflightActions],
      [false, 0, 0],
    );
    assert.equal(idle.hasEverConnected, true);
    assert.equal(idle.connectionCount, 1);
    assert.equal(idle.connectionRetries, 0);
  }),
);

check("pages grow, and load more", () =>
  withClient(async (client) => {
    const list_name = uniqueName();
    const ranks = Array.from({ length: 12 }, (_, n) => n * 10);
    await client.mutation(items.fill, { list_name, ranks });
    let last;
    client.onPaginatedUpdate_experimental(
      items.page,
      { list_name },
      { initialNumItems: 5 },
      (value) => (last = value),
    );
    const shown = () => last?.results.map((item) => item.rank);
    await until(() => shown()?.length === 5);
    assert.equal(last.status, "CanLoadMore");
    last.loadMore(5);
    await until(() => shown().length === 10);
    await client.mutation(items.add, { list_name, rank: 15 });
    await until(() => shown().length === 11);
    assert.deepEqual(shown(), [0, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90]);
    last.loadMore(5);
    await until(() => last.status === "Exhausted");
    assert.equal(shown().length, 13);
  }),
);

check("large values pass in both directions", () =>
  withClient(async (client) => {
    const megabytes = 6_000_000;
    assert.equal(await client.query(limits.text, { characters: megabytes }), "x".repeat(megabytes));
    assert.equal(await client.action(big.quotes, { count: megabytes }), '"'.repeat(megabytes));
    assert.equal(await client.query(limits.size_of, { text: "x".repeat(megabytes) }), megabytes);
    const many = await Promise.all(
      [1, 2, 3].map((n) => client.query(limits.text, { characters: megabytes + n })),
    );
    assert.deepEqual(
      many.map((text) => text.length),
      [megabytes + 1, megabytes + 2, megabytes + 3],
    );
    assert.equal(client.connectionState().connectionCount, 1);
  }),
);

check("a cut connection is mended and the live query goes on", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    await ask("cut");
    await until(() => !client.connectionState().isWebSocketConnected);
    await ask("addElsewhere", name, 5);
    await until(() => live.last() === 5);
    assert.equal(client.connectionState().connectionCount, 2);
    await until(() => client.connectionState().connectionRetries === 0);
    await client.mutation(counters.add, { name });
    assert.deepEqual(live.values, [0, 5, 6]);
  }, proxyUrl),
);

check("a mutation whose answer was lost takes effect once", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    await ask("loseAnswers");
    const call = client.mutation(counters.add, { name, by: 10 }, addOptimistically);
    await ask("counterBecomes", name, 10);
    // Committed, not answered: the optimistic value stays over the break.
    assert.deepEqual(live.values, [0, 10]);
    assert.equal(client.connectionState().inflightMutations, 1);
    await ask("cut");
    await ask("heal");
    assert.equal(await call, 10);
    assert.deepEqual(changes(live.values), [0, 10]);
    assert.equal(await client.query(counters.total, { names: [name] }), 10);
  }, proxyUrl),
);

check("mutations made while the connection is down arrive in order", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    await ask("hold");
    await ask("cut");
    await until(() => !client.connectionState().isWebSocketConnected);
    const calls = [1, 2, 3].map(() =>
      client.mutation(counters.add, { name, by: 10 }, addOptimistically),
    );
    assert.equal(live.last(), 30);
    const added = watch(client, counters.total, { names: [name] });
    await ask("heal");
    assert.deepEqual(await Promise.all(calls), [10, 20, 30]);
    assert.deepEqual(changes(live.values), [0, 10, 20, 30]);
    await until(() => added.last() === 30);
  }, proxyUrl),
);

check("an action whose connection broke fails and is not run again", () =>
  withClient(async (client) => {
    const name = uniqueName();
    await client.query(counters.get, { name });
    const call = failure(client.action(faults.add_and_wait, { name, seconds: 3 }));
    await ask("counterBecomes", name, 1);
    await ask("cut");
    assert.match((await call).message, /Connection lost while action was in flight/);
    assert.equal(await client.query(counters.total, { names: [name] }), 1);
  }, proxyUrl),
);

check("a stalled connection loses nothing", () =>
  withClient(async (client) => {
    const name = uniqueName();
    const live = watch(client, counters.get, { name });
    await until(() => live.values.length === 1);
    await ask("stall");
    const calls = Array.from({ length: 10 }, () => client.mutation(counters.add, { name }));
    await ask("counterBecomes", name, 10);
    assert.deepEqual(live.values, [0]);
    await ask("heal");
    assert.equal((await Promise.all(calls)).at(-1), 10);
    assert.equal(live.last(), 10);
    assert.equal(client.connectionState().connectionCount, 1);
  }, proxyUrl),
);

check("a killed server comes back with everything that it answered", () =>
  withClient(
    async (client) => {
      const name = uniqueName();
      const live = watch(client, counters.get, { name });
      await until(() => live.values.length === 1);
      const answered = [];
      const calls = Array.from({ length: 100 }, () =>
        client.mutation(counters.add, { name }).then((value) => answered.push(value)),
      );
      await until(() => answered.length >= 5);
      await ask("killAndRestart");
      await Promise.all(calls);
      assert.deepEqual(
        answered,
        Array.from({ length: 100 }, (_, n) => n + 1),
      );
      assert.equal(live.last(), 100);
      const seen = changes(live.values);
      assert.deepEqual(
        seen,
        seen.toSorted((one, two) => one - two),
      );
      await until(() => client.connectionState().connectionCount === 2);
    },
    process.env.FRAGILE_URL,
  ),
);

await run();
