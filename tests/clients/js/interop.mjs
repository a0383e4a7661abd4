// `ConvexClient` of the npm package and a Python client on one server see each other's writes.

import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { ConvexError } from "convex/values";
import { assert, ask, check, run, uniqueName, until, url } from "./harness.mjs";

const { counters, deep } = anyApi;
const client = new ConvexClient(url, { logger: false });

check("python sees what javascript writes", async () => {
  const name = uniqueName();
  await ask("watch", name);
  await client.mutation(counters.add, { name, by: 4 });
  assert.equal(await ask("becomes", name, 4), 4);
});

check("javascript sees what python writes", async () => {
  const name = uniqueName();
  const values = [];
  const stop = client.onUpdate(counters.get, { name }, (value) => values.push(value));
  await until(() => values.length > 0, "a first value");
  assert.equal(await ask("add", name, 6), 6);
  await until(() => values.at(-1) === 6, "python's write");
  stop();
});

check("both add to one counter and lose nothing", async () => {
  const name = uniqueName();
  await ask("watch", name);
  const theirs = ask("addMany", name, 50);
  await Promise.all(Array.from({ length: 50 }, () => client.mutation(counters.add, { name })));
  await theirs;
  assert.equal(await client.query(counters.get, { name }), 100);
  assert.equal(await ask("becomes", name, 100), 100);
});

check("values mean the same to both", async () => {
  const value = { big: 2n ** 60n, list: [1, 1.5, null, true, "é"], negative: -0 };
  assert.equal(
    await ask("describe", "interop value"),
    "{'big': Int64(1152921504606846976), 'list': [1, 1.5, None, True, 'é'], 'negative': -0.0}",
  );
  assert.deepEqual(await client.query(deep.echo.query, { value }), value);
});

check("the same failure has the same data", async () => {
  const error = await client.query(anyApi.errors.dataQuery, {}).catch((each) => each);
  assert.ok(error instanceof ConvexError);
  const { count, ...rest } = error.data;
  assert.equal(count, 7n);
  assert.deepEqual(await ask("failureData"), { ...rest, count: 7 });
});

await run();
