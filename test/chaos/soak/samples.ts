/** Looks every second at what daemons and Redis hold. */
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { type Lab, pause } from '../lab/lab.ts';
import { ownDescriptors } from '../lab/rest.ts';
import { redisVitals, type Vitals, vitalsOf } from '../lab/vitals.ts';
import type { Point } from './steady.ts';

const EVERY_MS = 1_000;
interface Sample {
  readonly atMs: number;
  readonly redisMb: number;
  readonly keys: number;
  readonly daemons: ReadonlyMap<number, Vitals>;
}

const MEASURES = {
  rssMb: ({ rssMb }: Vitals) => rssMb,
  descriptors: ownDescriptors,
  children: ({ children }: Vitals) => children,
  childRssMb: ({ children, childrenRssMb }: Vitals) => (children === 0 ? 0 : childrenRssMb / children),
} as const;

export class Samples {
  readonly all: Sample[] = [];
  readonly #lab: Lab;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#running = this.#run();
    // Seen by `stop`.
    this.#running.catch(() => undefined);
  }

  get file(): string {
    return path.join(this.#lab.dir, 'samples.ndjson');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Of one daemon, from the first sample that has it to the last. */
  of(pid: number, measure: keyof typeof MEASURES): Point[] {
    return this.all.flatMap(({ atMs, daemons }) => {
      const vitals = daemons.get(pid);
      return vitals ? [{ atMs, value: MEASURES[measure](vitals) }] : [];
    });
  }

  /** What Redis has in use, in MB. */
  redis(): Point[] {
    return this.all.map(({ atMs, redisMb }) => ({ atMs, value: redisMb }));
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const daemons = new Map<number, Vitals>();
      for (const { process } of this.#lab.ready()) {
        const vitals = vitalsOf(process.pid);
        if (vitals) daemons.set(process.pid, vitals);
      }
      const atMs = performance.now();
      // Waits for Redis while it is away.
      const { usedMb, keys } = await redisVitals(this.#lab.redis);
      const sample = { atMs, redisMb: usedMb, keys, daemons };
      this.all.push(sample);
      await appendFile(this.file, `${JSON.stringify({ ...sample, daemons: Object.fromEntries(daemons) })}\n`);
      await pause(EVERY_MS);
    }
  }
}
