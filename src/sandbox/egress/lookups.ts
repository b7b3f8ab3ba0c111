/**
 * Names → addresses, a few at a time for each function. The system's look-up holds a thread until it is done, whoever still waits for it:
 * a function whose names nobody answers for must not hold all of them.
 */
import { EGRESS_LOOKUPS_PER_FUNCTION } from '../../limits.ts';
import type { Resolve } from './target.ts';

interface Line {
  running: number;
  readonly waiting: (() => void)[];
}

export class Lookups {
  readonly #resolve: Resolve;
  readonly #lines = new Map<string, Line>();

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  /** `resolve` for the requests of one function. */
  of(name: string): Resolve {
    return async (host) => {
      let line = this.#lines.get(name);
      if (line === undefined) this.#lines.set(name, (line = { running: 0, waiting: [] }));
      if (line.running >= EGRESS_LOOKUPS_PER_FUNCTION)
        await new Promise<void>((resolve) => void line.waiting.push(resolve));
      line.running++;
      try {
        return await this.#resolve(host);
      } finally {
        line.running--;
        line.waiting.shift()?.();
        if (line.running === 0 && line.waiting.length === 0) this.#lines.delete(name);
      }
    };
  }
}
