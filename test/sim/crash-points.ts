/** Counts how often calls are passed, and says when a daemon is to crash at one. */
import type { Side } from '../chaos/lab/points.ts';
import { type Crash, pointOf } from './points.ts';

export class CrashPoints {
  /** Calls that were made at all. */
  readonly seen = new Set<string>();
  /** Points at which a daemon crashed. */
  readonly struck: string[] = [];
  readonly #planned: readonly Crash[];
  readonly #passed = new Map<string, number>();

  constructor(planned: readonly Crash[]) {
    this.#planned = planned;
  }

  /** True: whoever passes there crashes now. */
  strikes(call: string | null, side: Side): boolean {
    if (call === null || this.#planned.length === 0) return false;
    this.seen.add(call);
    const point = pointOf({ call, side });
    const times = (this.#passed.get(point) ?? 0) + 1;
    this.#passed.set(point, times);
    const struck = this.#planned.some((crash) => pointOf(crash) === point && crash.nth === times);
    if (struck) this.struck.push(point);
    return struck;
  }
}
