/**
 * A turn whose shard is drained looks again for a moment when records come quickly: ending it, watching, waking and taking it anew costs some
 * ten times what a look costs. It never lasts beyond the turn's quantum, and never takes a slot that another shard might want.
 */
import { LINGER_LOOK_MS, LINGER_MS } from '../limits.ts';
import type { Clock } from '../time.ts';

export interface LingerDeps {
  readonly clock: Clock;
  /** True while a slot is free for whichever shard comes next. */
  readonly spare: () => boolean;
  readonly draining: () => boolean;
  /** The turn's end, on the clock's monotonic time. */
  readonly endsAt: number;
}

export class Linger {
  readonly #deps: LingerDeps;
  #until = 0;

  constructor(deps: LingerDeps) {
    this.#deps = deps;
  }

  /** A unit is taken up; `gapMs`: from the settle before it to the arrival of its first record. */
  unit(gapMs: number): void {
    this.#until = gapMs < LINGER_MS ? Math.min(this.#deps.clock.monoMs() + LINGER_MS, this.#deps.endsAt) : 0;
  }

  /** Waits a little; false when the turn should end now. */
  async again(): Promise<boolean> {
    const { clock, spare, draining } = this.#deps;
    if (clock.monoMs() >= this.#until || draining() || !spare()) return false;
    await clock.sleep(LINGER_LOOK_MS);
    return !draining();
  }
}
