// Each sees their own notes, a guest none; nobody reads or deletes what is somebody else's.
import assert from "node:assert/strict";
import { check, connect, refused, url, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { notes } = api;
const post = (path, body, headers = {}) =>
  fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body), headers });

async function signIn(name, password = `${name}'s secret`) {
  const response = await post("/login", { name, password });
  assert.equal(response.status, 200);
  const { token } = await response.json();
  const client = connect();
  client.setAuth(async () => token);
  return { client, token };
}

await check(async () => {
  const guest = connect();
  assert.equal(await guest.query(notes.whoami, {}), null);
  await refused(guest.query(notes.list, {}), "signed_out");
  await refused(guest.mutation(notes.add, { text: "x" }), "signed_out");

  const { client: ada, token } = await signIn("Ada");
  const { client: grace } = await signIn("Grace");
  await watch(ada, notes.whoami).until((name) => name === "Ada");
  const [hers, theirs] = [watch(ada, notes.list), watch(grace, notes.list)];
  const id = await ada.mutation(notes.add, { text: "Mine" });
  await hers.until((list) => list.length === 1 && list[0].text === "Mine");
  await grace.mutation(notes.add, { text: "Not yours" });
  await theirs.until((list) => list.length === 1 && list[0].text === "Not yours");
  await refused(grace.mutation(notes.remove, { id }), "not_found");
  await ada.mutation(notes.remove, { id });
  await hers.until((list) => list.length === 0);

  assert.equal((await post("/login", { name: "Ada", password: "wrong wrong" })).status, 401);
  assert.equal((await post("/login", { name: "Eve", password: "short" })).status, 400);
  assert.equal((await post("/login/refresh", {})).status, 401);
  const renewed = await post("/login/refresh", {}, { Authorization: `Bearer ${token}` });
  assert.equal(renewed.status, 200);
  const { keys } = await (await fetch(`${url}/login/keys`)).json();
  assert.ok(keys[0].kid && !keys[0].d, "the private part stays here");
});
