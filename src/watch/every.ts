/** A loop that does its work, pauses, and begins again; failures are reported and do not end it. */
import type { Clock } from '../time.ts';

export interface Repeating {
  /** The next round begins at once, or right after the one that is under way. */
  poke(): void;
  /** Resolves when the round that is under way is over. */
  stop(): Promise<void>;
}

export function every(
  clock: Clock,
  pauseMs: () => number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Repeating {
  let stopped = false;
  let poked = false;
  let pause = new AbortController();
  const running = (async () => {
    while (!stopped) {
      poked = false;
      try {
        await work();
      } catch (error) {
        if (!stopped) onError(error);
      }
      if (stopped || poked) continue;
      pause = new AbortController();
      await clock.sleep(pauseMs(), pause.signal);
    }
  })();
  return {
    poke() {
      poked = true;
      pause.abort();
    },
    async stop() {
      stopped = true;
      pause.abort();
      await running;
    },
  };
}
