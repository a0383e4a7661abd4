import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanName, DisplayName, randomId } from "./identity.ts";

const first = () => 0;
const last = () => 0.999;

class FakeStorage {
  private readonly items = new Map<string, string>();
  getItem(key: string) {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    this.items.set(key, value);
  }
}

test("every window of a new browser is another guest, and stays it through a reload", () => {
  const browser = new FakeStorage();
  const window = new FakeStorage();
  assert.equal(new DisplayName(window, browser, first).get(), "Amber Badger");
  assert.equal(new DisplayName(window, browser, last).get(), "Amber Badger");
  assert.equal(new DisplayName(new FakeStorage(), browser, last).get(), "Sunny Wren");
});

test("a name that was chosen is cleaned, told, and the one of new windows", () => {
  const browser = new FakeStorage();
  const name = new DisplayName(new FakeStorage(), browser, first);
  const heard: string[] = [];
  name.subscribe(() => heard.push(name.get()));
  name.set("  Ada \n King ");
  assert.deepEqual(heard, ["Ada King"]);
  assert.equal(new DisplayName(new FakeStorage(), browser, first).get(), "Ada King");
});

test("a window keeps its name when another one of its browser takes a new one", () => {
  const browser = new FakeStorage();
  const window = new FakeStorage();
  new DisplayName(window, browser, first).set("Ada");
  new DisplayName(new FakeStorage(), browser, first).set("Grace");
  assert.equal(new DisplayName(window, browser, first).get(), "Ada");
});

test("a blank name or the same one changes nothing", () => {
  const name = new DisplayName(new FakeStorage(), new FakeStorage(), first);
  name.subscribe(() => assert.fail("nothing changed"));
  name.set("  ");
  name.set("Amber Badger");
  assert.equal(name.get(), "Amber Badger");
});

test("who no longer listens is not told", () => {
  const name = new DisplayName(null, null, first);
  const stop = name.subscribe(() => assert.fail("not listening"));
  stop();
  name.set("Ada");
});

test("storage that is missing or full only forgets", () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  for (const storage of [null, full]) {
    const name = new DisplayName(storage, storage, first);
    name.set("Ada");
    assert.equal(name.get(), "Ada");
  }
});

test("a name is cut where the server would refuse it", () => {
  assert.equal([...cleanName("🦊".repeat(60))].length, 40);
});

test("ids are long and differ", () => {
  assert.match(randomId(), /^[0-9a-f]{32}$/);
  assert.notEqual(randomId(), randomId());
});
