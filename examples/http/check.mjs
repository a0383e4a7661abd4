// A signed webhook is taken once and seen live; REST and CORS answer; a stream comes in pieces.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { check, connect, url, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

function call(event, secret = "only for trying out") {
  const body = JSON.stringify(event);
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return fetch(`${url}/webhook`, { method: "POST", body, headers: { "X-Signature": signature } });
}

await check(async () => {
  const live = watch(connect(), api.deliveries.list);
  await live.until((list) => list.length === 0);

  const event = { key: "1", kind: "order.paid", data: { apples: 3 } };
  const { id } = await (await call(event)).json();
  const [shown] = await live.until((list) => list.length === 1);
  assert.deepEqual([shown._id, shown.kind, shown.data], [id, "order.paid", { apples: 3 }]);
  assert.equal((await (await call(event)).json()).id, id, "sent again, it is the same");
  assert.equal((await call(event, "a guess")).status, 401);
  const refused = await call({ key: "2" });
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).message, /^kind: /);

  const headers = { Origin: "https://elsewhere.example" };
  const listed = await fetch(`${url}/deliveries?limit=5`, { headers });
  assert.equal(listed.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(
    (await listed.json()).map((one) => one.id),
    [id],
  );
  assert.equal((await (await fetch(`${url}/deliveries/${id}`)).json()).kind, "order.paid");
  assert.equal((await fetch(`${url}/deliveries/nonsense`)).status, 404);
  assert.equal((await fetch(`${url}/deliveries?limit=x`)).status, 400);
  const asked = { ...headers, "Access-Control-Request-Method": "GET" };
  const preflight = await fetch(`${url}/deliveries`, { method: "OPTIONS", headers: asked });
  assert.equal(preflight.status, 204);

  const pieces = [];
  const { body } = await fetch(`${url}/countdown`);
  for await (const piece of body.pipeThrough(new TextDecoderStream())) pieces.push(piece);
  assert.equal(pieces.join(""), "Three … two … one … lift-off!");
  assert.ok(pieces.length > 1, "it came in pieces");
  assert.equal(live.values.at(-1).length, 1);
});
