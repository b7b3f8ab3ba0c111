/** Time and order of one simulated run: a queue of things to happen, each at its virtual moment; nothing waits for a real clock. */
import { setImmediate } from 'node:timers/promises';
import { Random } from '../chaos/lab/random.ts';

/** 2027-01-15: ids of records are times, and arrivals have to look like some. */
const BEGIN_MS = 1_800_000_000_000;

interface Event {
  readonly at: number;
  readonly act: () => void;
}

export class World {
  readonly random: Random;
  /** Virtual ms since the epoch: the clock of Redis, and of the recorder. */
  nowMs = BEGIN_MS;
  readonly #events: Event[] = [];
  #broken: unknown = null;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  in(ms: number, act: () => void): void {
    const at = this.nowMs + Math.max(0, ms);
    // What was put in earlier comes first at one moment; the seed decides through the delays.
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.at <= at) index--;
    this.#events.splice(index, 0, { at, act });
  }

  /** A wait whose length the seed chooses, in ms with fractions. */
  some(fromMs: number, toMs: number): number {
    return fromMs + this.random.next() * (toMs - fromMs);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.in(ms, resolve));
  }

  /** A part of the simulation itself; what it throws ends the run. */
  go(running: Promise<unknown>): void {
    running.catch((error: unknown) => (this.#broken ??= error));
  }

  /** Until `over`, or until so much virtual time has passed; false then. */
  async run(over: () => boolean, virtualMs: number): Promise<boolean> {
    const until = this.nowMs + virtualMs;
    while (!over()) {
      const next = this.#events.pop();
      if (!next || next.at > until) return false;
      this.nowMs = next.at;
      next.act();
      // All that follows from it without waiting: promises only, as the engine's turn has no timers of its own.
      await setImmediate();
      if (this.#broken !== null) throw this.#broken;
    }
    return true;
  }
}
