// Who comes, changes and leaves is seen; who stays is no news; who falls silent is shown out.
import assert from "node:assert/strict";
import { check, connect, refused, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { presence } = api;
const named =
  (...names) =>
  (people) =>
    people.map((one) => one.name).join() === names.join();

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const here = watch(grace, presence.list);
  const beat = (session, name) => ada.mutation(presence.heartbeat, { session, name, hue: 20 });

  await beat("1", "Ada");
  await beat("2", "Alan");
  await here.until(named("Ada", "Alan"));
  await beat("1", "Countess");
  await here.until(named("Countess", "Alan"));

  const seen = here.values.length;
  for (let count = 0; count < 5; count += 1) await beat("1", "Countess");
  await ada.mutation(presence.leave, { session: "2" });
  await here.until(named("Countess"));
  assert.equal(here.values.length, seen + 1, "a heartbeat of somebody who stays is no news");

  // Nobody says goodbye for this one.
  await here.until(named());
  await ada.mutation(presence.leave, { session: "1" });

  await refused(beat("3", " "), "bad_name");
  await assert.rejects(
    ada.mutation(presence.heartbeat, { session: "3", name: "x", hue: 400 }),
    /hue/,
  );
});
