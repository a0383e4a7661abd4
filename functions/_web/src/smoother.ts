// Text that arrives in pieces, shown as one that grows evenly. No framework, no clock of its own:
// whoever draws says what time it is.

/** What is assumed of a text's speed before there is anything to measure, in characters per ms. */
const FIRST_RATE = 0.12;
/** How much one arrival changes the measured rate. */
const RATE_WEIGHT = 0.3;
/** A backlog is gone within about this time, however fast it grew; sooner once all has arrived. */
const CATCH_UP_MS = 320;
const CATCH_UP_AT_END_MS = 140;
/** Arrivals that are closer together or further apart than this say nothing about the rate. */
const GAP_MIN_MS = 16;
const GAP_MAX_MS = 1_000;

/** How many characters to show of a text that grows, at the rate at which it arrives. */
export class Smoother {
  private arrived: number;
  private shown: number;
  private rate = FIRST_RATE;
  private lastArrival: number;
  private lastStep: number;
  private isOpen = true;

  /** The first `length` characters are shown at once: they were there before anybody looked. */
  constructor(length: number, now: number) {
    this.arrived = length;
    this.shown = length;
    this.lastArrival = now;
    this.lastStep = now;
  }

  /** Takes note that the text has `length` characters now, and whether more may come. */
  arrive(length: number, isOpen: boolean, now: number): void {
    this.isOpen = isOpen;
    if (length < this.arrived) {
      // Another text: the answer was begun anew.
      this.arrived = length;
      this.shown = length;
      return;
    }
    if (length === this.arrived) return;
    const gap = Math.max(GAP_MIN_MS, now - this.lastArrival);
    if (gap <= GAP_MAX_MS) {
      this.rate += RATE_WEIGHT * ((length - this.arrived) / gap - this.rate);
    }
    // Without a backlog there was nothing to draw, and time that passed so is not made up for.
    if (this.isSettled) this.lastStep = now;
    this.arrived = length;
    this.lastArrival = now;
  }

  /** How many characters to show at `now`; never fewer than before, unless the text was replaced. */
  step(now: number): number {
    const passed = Math.max(0, now - this.lastStep);
    this.lastStep = now;
    const backlog = this.arrived - this.shown;
    const catchUp = this.isOpen ? CATCH_UP_MS : CATCH_UP_AT_END_MS;
    const speed = Math.max(this.rate, backlog / catchUp);
    this.shown = Math.min(this.arrived, this.shown + speed * passed);
    return Math.floor(this.shown);
  }

  /** Whether everything that has arrived is shown. */
  get isSettled(): boolean {
    return this.shown >= this.arrived;
  }
}

const CONTINUES = /^[\p{M}\u200d\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}]/u;

/** The first `length` characters, or fewer where that would cut one that a person sees as one. */
export function cutAt(text: string, length: number): string {
  if (length >= text.length) return text;
  let end = Math.max(0, length);
  while (end > 0 && isInside(text, end)) end -= 1;
  return text.slice(0, end);
}

function isInside(text: string, at: number): boolean {
  const isLow = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  return isLow || text[at - 1] === "\u200d" || CONTINUES.test(text.slice(at, at + 2));
}
