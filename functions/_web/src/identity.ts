// Who this window is: an id of its own, and the name that people see.
import { NAME_LENGTH_MAX } from "./api.ts";
import { guestName } from "./people.ts";

const KEY = "reactive-chat-name";

/** What a name needs of `sessionStorage` and `localStorage`; null where a browser forbids them. */
type NameStorage = Pick<Storage, "getItem" | "setItem"> | null;

/** `crypto.randomUUID` is missing where a page is served over plain http from another machine. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The display name. A window keeps its own, through reloads too; the browser remembers the last one
 * that was chosen, for windows yet to come. Until then every window is another guest.
 */
export class DisplayName {
  private readonly listeners = new Set<() => void>();
  private name: string;

  constructor(
    private readonly ofWindow: NameStorage,
    private readonly ofBrowser: NameStorage,
    random: () => number,
  ) {
    this.name = recall(ofWindow) || recall(ofBrowser) || guestName(random);
    remember(ofWindow, this.name);
  }

  readonly get = (): string => this.name;

  /** A blank name changes nothing. */
  set(name: string): void {
    const clean = cleanName(name);
    if (!clean || clean === this.name) return;
    this.name = clean;
    remember(this.ofWindow, clean);
    remember(this.ofBrowser, clean);
    for (const listener of this.listeners) listener();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

function recall(storage: NameStorage): string {
  return cleanName(storage?.getItem(KEY) ?? "");
}

function remember(storage: NameStorage, name: string): void {
  try {
    storage?.setItem(KEY, name);
  } catch {
    // Storage that is full costs only the memory of the name.
  }
}

/** One line, without space around it, no longer than the server takes. */
export function cleanName(name: string): string {
  return [...name.replace(/\s+/g, " ").trim()].slice(0, NAME_LENGTH_MAX).join("").trim();
}
