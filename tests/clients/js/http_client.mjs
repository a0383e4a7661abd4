// `ConvexHttpClient` of the npm package, against a real server.

import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { ConvexError } from "convex/values";
import { assert, check, run, uniqueName, url } from "./harness.mjs";

const { counters, deep, errors, faults, hidden, limits, plain } = anyApi;

const client = new ConvexHttpClient(url, { logger: false });

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

check("query, mutation and action", async () => {
  const name = uniqueName();
  assert.equal(await client.query(counters.get, { name }), 0);
  assert.equal(await client.mutation(counters.add, { name, by: 5 }), 5);
  assert.equal(await client.query(counters.get, { name }), 5);
  assert.equal(await client.action(faults.slow, { seconds: 0.01 }), "done");
  assert.equal(await client.query(plain.default), "hello world");
});

check("values of every kind come back as they were", async () => {
  const value = {
    numbers: [0, 1.5, NaN, Infinity, -Infinity, -0],
    bigints: [0n, -1n, 2n ** 63n - 1n],
    bytes: new Uint8Array([0, 255]).buffer,
    nested: [null, true, { text: "é\u{1f600}" }],
  };
  assert.deepEqual(await client.query(deep.echo.query, { value }), value);
  assert.deepEqual(await client.mutation(deep.echo.mutation, { value }), value);
  assert.deepEqual(await client.action(deep.echo.action, { value }), value);
});

check("queued mutations run in order", async () => {
  const name = uniqueName();
  const calls = Array.from({ length: 10 }, () => client.mutation(counters.add, { name }));
  assert.deepEqual(await Promise.all(calls), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

check("mutations beside the queue are counted each", async () => {
  const name = uniqueName();
  const calls = Array.from({ length: 10 }, () =>
    client.mutation(counters.add, { name }, { skipQueue: true }),
  );
  const values = await Promise.all(calls);
  assert.deepEqual(
    values.toSorted((one, two) => one - two),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
});

check("consistent queries stay at one moment", async () => {
  const name = uniqueName();
  await client.mutation(counters.put, { name, value: 1 });
  const fixed = new ConvexHttpClient(url, { logger: false });
  assert.equal(await fixed.consistentQuery(counters.get, { name }), 1);
  await client.mutation(counters.put, { name, value: 2 });
  assert.equal(await fixed.consistentQuery(counters.get, { name }), 1);
  assert.equal(await fixed.consistentQuery(counters.total, { names: [name, name] }), 2);
  assert.equal(await fixed.query(counters.get, { name }), 2);
});

check("failures are errors with the server's words", async () => {
  for (const call of [
    () => client.query(errors.boomQuery, {}),
    () => client.mutation(errors.boomMutation, {}),
    () => client.action(errors.boomAction, {}),
  ]) {
    const error = await failure(call);
    assert.ok(!(error instanceof ConvexError));
    assert.match(error.message, /^\[Request ID: [0-9a-f]{16}\] Server Error$/);
  }
});

check("application errors carry their data", async () => {
  for (const call of [
    () => client.query(errors.dataQuery, {}),
    () => client.mutation(errors.dataMutation, {}),
    () => client.action(errors.dataAction, {}),
  ]) {
    const error = await failure(call);
    assert.ok(error instanceof ConvexError);
    assert.deepEqual(error.data, { code: "NOPE", count: 7n, list: [1.5, null] });
  }
});

check("wrong arguments are named", async () => {
  assert.match((await failure(() => client.query(counters.get, {}))).message, /name/);
  assert.match((await failure(() => client.mutation(counters.add, { name: 5 }))).message, /name/);
});

check("hidden and missing functions fail alike", async () => {
  const plainText = async (reference, path) =>
    (await failure(() => client.query(reference, {}))).message
      .replaceAll(path, "PATH")
      .replace(/Request ID: \w+/, "");
  assert.equal(
    await plainText(hidden.secret_query, "hidden:secret_query"),
    await plainText(hidden.no_such, "hidden:no_such"),
  );
});

check("large values pass in both directions", async () => {
  const megabytes = 10_000_000;
  assert.equal(await client.query(limits.text, { characters: megabytes }), "x".repeat(megabytes));
  assert.equal(await client.query(limits.size_of, { text: "x".repeat(megabytes) }), megabytes);
});

await run();
