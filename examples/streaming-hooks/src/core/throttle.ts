/** Passes on the newest value at most once per interval: the first at once, the last one always. */
export class Throttle<Value> {
  readonly #intervalMs: number;
  readonly #pass: (value: Value) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #waiting: { value: Value } | null = null;

  constructor(intervalMs: number, pass: (value: Value) => void) {
    this.#intervalMs = intervalMs;
    this.#pass = pass;
  }

  /** `isUrgent` passes a value on at once, whatever the interval. */
  offer(value: Value, isUrgent = false): void {
    if (this.#timer !== null && !isUrgent) {
      this.#waiting = { value };
      return;
    }
    this.stop();
    this.#timer = setTimeout(() => this.#onTime(), this.#intervalMs);
    this.#pass(value);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = null;
  }

  #onTime(): void {
    const waiting = this.#waiting;
    this.stop();
    if (waiting) this.offer(waiting.value);
  }
}
