/**
 * Clocks as values. Two kinds, never mixed:
 * wall: ms since the epoch, for people and for nothing that decides order; Redis TIME is the wall clock that decides ages.
 * mono: ms of a clock that never jumps and keeps counting while the process is stopped; for deadlines and durations.
 */
export interface Clock {
  wallMs(): number;
  monoMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Redis' clock, in whole ms, as of its last answer and by our monotonic clock since then. */
export class RedisTime {
  readonly #clock: Pick<Clock, 'monoMs'>;
  #ahead: number;

  constructor(clock: Pick<Clock, 'monoMs'>, nowMs: number) {
    this.#clock = clock;
    this.#ahead = nowMs - clock.monoMs();
  }

  heard(nowMs: number): void {
    this.#ahead = nowMs - this.#clock.monoMs();
  }

  nowMs(): number {
    return Math.floor(this.#clock.monoMs() + this.#ahead);
  }
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, ms));
      signal?.addEventListener('abort', done, { once: true });
    }),
};
