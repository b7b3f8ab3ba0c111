/**
 * When to collect what crossed between the isolates. isolated-vm makes an external string of every text of a kilobyte and more, which lies in the
 * old generation from the beginning; V8 does not count its bytes, so a dead event stayed until the isolate was at its memory limit: a
 * handler that needs nothing held 195 MB after 2,000 events of 70 kB, now 82. A collection after each 16 MB costs about 2 % more CPU;
 * cutting the text into pieces below that size 10 % (Node 26).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const CROSSED_BYTES_MAX = 16 * 1024 * 1024;

export class Garbage {
  #crossed = 0;
  #bound = CROSSED_BYTES_MAX;

  /** A text of that many characters has crossed, in either direction. */
  crossed(length: number): void {
    this.#crossed += length;
  }

  get due(): boolean {
    return this.#crossed > this.#bound;
  }

  /** A collection takes time in proportion to what lives: what lives is also what may lie dead until the next one. */
  collected(liveBytes: number): void {
    this.#crossed = 0;
    this.#bound = Math.max(CROSSED_BYTES_MAX, liveBytes);
  }
}

/** Contexts made by `make` have V8's `gc`. No other has: user code would stop everybody's clock with it. */
export function withCollector<T>(make: () => T): T {
  setFlagsFromString('--expose-gc');
  try {
    return make();
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

let own: (() => void) | undefined;

/** The same for the heap of this process itself. */
export function collectOwn(): void {
  own ??= withCollector(() => runInNewContext('gc') as () => void);
  own();
}
