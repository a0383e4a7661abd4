// Who is here: windows become people, people become avatars.
import type { Presence } from "./api.ts";

export interface Person {
  name: string;
  isSelf: boolean;
  windows: number;
  threadIds: ReadonlySet<string>;
}

/**
 * One person per name, this window's own first, the others as they came. This window goes by the
 * name it has now, which the server may learn a moment later.
 */
export function peopleHere(
  windows: readonly Presence[],
  self: { clientId: string; name: string },
): Person[] {
  const people = new Map<string, { windows: number; threadIds: Set<string> }>();
  for (const window of windows) {
    const name = window.clientId === self.clientId ? self.name : window.name;
    const person = people.get(name) ?? { windows: 0, threadIds: new Set<string>() };
    person.windows += 1;
    if (window.threadId !== undefined) person.threadIds.add(window.threadId);
    people.set(name, person);
  }
  return [...people]
    .map(([name, person]) => ({ name, isSelf: name === self.name, ...person }))
    .sort((one, other) => Number(other.isSelf) - Number(one.isSelf));
}

/** At most two letters: of the first and the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words.at(0), words.length > 1 ? words.at(-1) : undefined].map((word) => {
    const [first] = word ?? "";
    return first ?? "";
  });
  return letters.join("").toUpperCase() || "?";
}

/** A hue of the colour wheel that is always the same for a name (FNV-1a). */
export function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0) % 360;
}

const MOODS = ["Amber", "Brisk", "Calm", "Gentle", "Lucky", "Mellow", "Nimble", "Quiet", "Sunny"];
const ANIMALS = ["Badger", "Finch", "Heron", "Lynx", "Marten", "Otter", "Robin", "Stoat", "Wren"];

/** A name for somebody who has not given one. `random` gives numbers from 0 up to 1. */
export function guestName(random: () => number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? "";
  return `${pick(MOODS)} ${pick(ANIMALS)}`;
}
