// What this window measures of an answer itself: when its text came, and how fast.

/** What a token is long in English, near enough for a figure that is marked as a guess. */
const CHARACTERS_PER_TOKEN = 4;
/** Below this, a rate says more about the clock than about the answer. */
const SPAN_MIN_MS = 200;

export interface Measured {
  /** From the sending, or from when this window first saw the answer, to its first text. */
  firstTextMs: number | null;
  tokensPerSecond: number | null;
  /** Whether the tokens were guessed from the characters. */
  isGuess: boolean;
  updates: number;
}

export class Meter {
  private first: { at: number; length: number } | undefined;
  private last: { at: number; length: number } | undefined;
  private updates = 0;

  constructor(private startedAt: number) {}

  /** The answer was asked for earlier than somebody first looked at it. */
  beganAt(time: number): void {
    this.startedAt = Math.min(this.startedAt, time);
  }

  /** Takes note of how long the answer is, reasoning included. */
  note(length: number, now: number): void {
    if (length === 0 || length === this.last?.length) return;
    this.updates += 1;
    this.last = { at: now, length };
    this.first ??= this.last;
  }

  /** `outputTokens` is what the provider says, known only at the end. */
  measured(outputTokens?: number): Measured {
    const { first, last, updates } = this;
    if (!first || !last) {
      return { firstTextMs: null, tokensPerSecond: null, isGuess: true, updates };
    }
    const span = last.at - first.at;
    const share = (last.length - first.length) / last.length;
    const tokens = outputTokens ?? last.length / CHARACTERS_PER_TOKEN;
    return {
      firstTextMs: Math.max(0, first.at - this.startedAt),
      tokensPerSecond: span < SPAN_MIN_MS ? null : (tokens * share * 1_000) / span,
      isGuess: outputTokens === undefined,
      updates,
    };
  }
}

/** The meters of the answers that this window has seen growing, by message. */
export class Meters {
  private readonly meters = new Map<string, Meter>();

  find(messageId: string): Meter | undefined {
    return this.meters.get(messageId);
  }

  begin(messageId: string, now: number): Meter {
    const known = this.meters.get(messageId);
    if (known) {
      known.beganAt(now);
      return known;
    }
    const meter = new Meter(now);
    this.meters.set(messageId, meter);
    return meter;
  }
}
/** Those of this window. */
export const meters = new Meters();
