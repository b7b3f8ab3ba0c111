/** How the process that holds the sandbox is doing: lateness of its loop, memory, descriptors, processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NS_PER_MS = 1e6;
const SAMPLE_MS = 10;

export interface Vitals {
  readonly rssMb: number;
  /** What is held: the heap, and what lies outside of it for objects on it. */
  readonly heldMb: number;
  readonly descriptors: number;
  readonly processes: number;
  /** Timers, pipes and the like that the loop knows of. */
  readonly resources: number;
}

/** After a collection, where `gc` is there: what is held, not what lies about. */
export async function takeVitals(): Promise<Vitals> {
  let rss = Number.POSITIVE_INFINITY;
  let held = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { rss: now, heapUsed, external } = process.memoryUsage();
    rss = Math.min(rss, now);
    held = Math.min(held, heapUsed + external);
  }
  return {
    rssMb: rss / 1024 / 1024,
    heldMb: held / 1024 / 1024,
    descriptors: readdirSync('/proc/self/fd').length,
    processes: readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean).length,
    resources: process.getActiveResourcesInfo().length,
  };
}

/** Lateness of the loop beyond its sampling step. */
export class LoopDelay {
  readonly #whole = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  #last = performance.now();
  readonly #late: { readonly at: number; readonly ms: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#whole.enable();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const ms = now - this.#last - SAMPLE_MS;
      if (ms > 2 * SAMPLE_MS) this.#late.push({ at: now, ms });
      this.#last = now;
    }, SAMPLE_MS);
  }

  reset(): void {
    this.#whole.reset();
  }

  get p99Ms(): number {
    return Math.max(0, this.#whole.percentile(99) / NS_PER_MS - SAMPLE_MS);
  }

  get maxMs(): number {
    return Math.max(0, this.#whole.max / NS_PER_MS - SAMPLE_MS);
  }

  /** How late the loop was in all since that moment: by so much may a clock of this process have fired late. */
  lateSince(mono: number): number {
    let sum = Math.max(0, performance.now() - this.#last - SAMPLE_MS);
    for (let i = this.#late.length - 1; i >= 0 && this.#late[i]!.at >= mono; i--) sum += this.#late[i]!.ms;
    return sum;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#whole.disable();
  }
}
