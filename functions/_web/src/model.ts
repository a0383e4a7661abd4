// Which model answers: the server's own choice, or the one that this window has chosen.

export interface ModelOffer {
  /** `provider/model`. */
  name: string;
  title: string;
  note: string;
}

/** What a person may want to know of the models that need no key. */
const KNOWN: Record<string, [title: string, note: string]> = {
  "scripted/echo": ["Echo", "says your words again"],
  "scripted/story": ["Story", "some 400 tokens, 50 a second"],
  "scripted/tools": ["Tools", "calls two tools, then answers"],
  "scripted/slow": ["Slow", "three seconds to the first word"],
  "scripted/fail": ["Failing", "breaks off in mid-text"],
};

/** What to choose from: the models that the server names, its default first. */
export function offersOf(names: readonly string[]): ModelOffer[] {
  return names.map((name, at) => {
    const note = KNOWN[name]?.[1] ?? name;
    return { name, title: modelTitle(name), note: at === 0 ? `${note}; the default` : note };
  });
}

const KEY = "reactive-chat-model";
const NAME = /^[^\s/]+\/\S+$/;

type ChoiceStorage = Pick<Storage, "getItem" | "setItem"> | null;

/** Whether this names a model as the server knows them; the server has the last word. */
export function isModelName(text: string): boolean {
  return NAME.test(text);
}

/** What a person calls the model. */
export function modelTitle(name: string): string {
  return KNOWN[name]?.[0] ?? name.slice(name.indexOf("/") + 1);
}

/** The model of this window, kept through reloads. */
export class ModelChoice {
  private readonly listeners = new Set<() => void>();
  private name: string;

  constructor(private readonly storage: ChoiceStorage) {
    const kept = storage?.getItem(KEY) ?? "";
    this.name = isModelName(kept) ? kept : "";
  }

  /** `provider/model`, or empty for the server's default. */
  readonly get = (): string => this.name;

  readonly set = (name: string): void => {
    if (name === this.name) return;
    this.name = name;
    try {
      this.storage?.setItem(KEY, name);
    } catch {
      // Storage that is full costs only the memory of the choice.
    }
    for (const listener of this.listeners) listener();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}
