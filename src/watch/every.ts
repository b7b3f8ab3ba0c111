/** A loop that does its work, pauses, and begins again; failures are reported and do not end it. */
import type { Clock } from '../time.ts';

export interface Repeating {
  /** Resolves when the round that is under way is over. */
  stop(): Promise<void>;
}

export function every(
  clock: Clock,
  pauseMs: () => number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Repeating {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (!stopping.signal.aborted) onError(error);
      }
      await clock.sleep(pauseMs(), stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
