import assert from "node:assert/strict";
import { test } from "node:test";
import type { Presence } from "./api.ts";
import { guestName, hueOf, initials, peopleHere } from "./people.ts";

function window(clientId: string, name: string, threadId?: string): Presence {
  return {
    _id: `id:${clientId}`,
    _creationTime: 0,
    clientId,
    name,
    ...(threadId === undefined ? {} : { threadId }),
  };
}

const self = { clientId: "me", name: "Ada" };

test("nobody is here before the server says so", () => {
  assert.deepEqual(peopleHere([], self), []);
});

test("the own person comes first, the others as they came", () => {
  const people = peopleHere([window("1", "Grace"), window("2", "Alan"), window("me", "Ada")], self);
  assert.deepEqual(
    people.map((person) => [person.name, person.isSelf]),
    [
      ["Ada", true],
      ["Grace", false],
      ["Alan", false],
    ],
  );
});

test("several windows of one name are one person, at all their threads", () => {
  const [person, ...others] = peopleHere([window("me", "Ada", "t1"), window("2", "Ada", "t2")], self);
  assert.equal(others.length, 0);
  assert.equal(person?.windows, 2);
  assert.deepEqual([...(person?.threadIds ?? [])], ["t1", "t2"]);
});

test("this window goes by its new name before the server knows it", () => {
  const people = peopleHere([window("me", "Otter"), window("2", "Otter")], self);
  assert.deepEqual(
    people.map((person) => [person.name, person.isSelf, person.windows]),
    [
      ["Ada", true, 1],
      ["Otter", false, 1],
    ],
  );
});

test("initials are of the first and the last word", () => {
  assert.equal(initials("Ada"), "A");
  assert.equal(initials("ada king lovelace"), "AL");
  assert.equal(initials("  élise  "), "É");
  assert.equal(initials("🦊 Fox"), "🦊F");
  assert.equal(initials("  "), "?");
});

test("a name always has the same hue, and different names mostly different ones", () => {
  const names = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald"];
  const hues = names.map(hueOf);
  assert.deepEqual(names.map(hueOf), hues);
  assert.ok(new Set(hues).size > 4);
  assert.ok(hues.every((hue) => hue >= 0 && hue < 360));
});

test("guests get a name of two words from the first to the last of both lists", () => {
  assert.equal(guestName(() => 0), "Amber Badger");
  assert.equal(guestName(() => 0.999), "Sunny Wren");
});
