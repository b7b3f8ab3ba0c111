/** Daemons that crash at every point, each by itself and another one each time, while others go on. */
import { type Planned, readPoints } from './crash-plan.ts';
import { type Lab, pause } from './lab.ts';
import { isDrained } from './shards.ts';

const DAEMONS = 3;
const LOOK_MS = 150;
/** Records come while fewer shards than this have any: a daemon whose shards never run empty comes to no read that waits. */
const SHARDS_BUSY_MAX = 10;
const RECORDS_AT_ONCE = 8;
const RECORDS = { perSecond: 0, work: [5, 30], failing: 0.03 } as const;

type Crash = Extract<Awaited<ReturnType<typeof readPoints>>[number], { kind: 'crash' }>;

export class Crashes {
  readonly #lab: Lab;
  readonly #plan: readonly Planned[];
  readonly #until: number;
  #open: readonly string[];
  /** Shards whose turn was cut off, all together. */
  hit = 0;

  constructor(lab: Lab, plan: readonly Planned[], withinMs: number) {
    this.#lab = lab;
    this.#plan = plan;
    this.#open = plan.map(({ id }) => id);
    this.#until = performance.now() + withinMs;
  }

  /** Resolves when there was a crash at every point, with daemons that go on. Rejects with those that nobody came to in time. */
  async all(): Promise<void> {
    await Promise.all([this.#feed(), ...Array.from({ length: DAEMONS }, () => this.#keepOne())]);
    if (this.#open.length > 0) throw new Error(`no daemon came to: ${this.#open.join(', ')}`);
  }

  async #feed(): Promise<void> {
    while (!this.#over()) {
      const busy = (await this.#lab.look()).filter((now) => !isDrained(now)).length;
      if (busy < SHARDS_BUSY_MAX) await this.#lab.producer.put(RECORDS_AT_ONCE, RECORDS);
      await pause(LOOK_MS);
    }
  }

  async #keepOne(): Promise<void> {
    for (;;) {
      const daemon = this.#lab.start('--concurrency', '3');
      while (daemon.alive && !this.#over()) {
        await Promise.race([daemon.process.exited, pause(LOOK_MS)]);
        await this.#look();
      }
      const { pid } = daemon.process;
      const crash = (await this.#look()).find((line) => line.pid === pid);
      if (!crash && daemon.alive) return;
      const { signal, code } = await daemon.process.exited;
      if (!crash || signal !== 'SIGKILL') throw new Error(`a daemon ended at no point: ${signal ?? code}`);
      await this.#record(crash.daemon);
    }
  }

  /** `id`: it may have died before it could say it. Nobody takes its shards before its locks have ended, so that this is soon enough. */
  async #record(id: string): Promise<void> {
    const fault = await this.#lab.beginFault('SIGKILL');
    const hit = (await this.#lab.look()).filter(({ state }) => state['owner'] === id).map(({ shard }) => shard.name);
    await this.#lab.healFault(fault, 'SIGKILL', hit);
    this.hit += hit.length;
  }

  #over(): boolean {
    return this.#open.length === 0 || performance.now() > this.#until;
  }

  async #look(): Promise<Crash[]> {
    const lines = await readPoints(this.#lab.dir);
    const crashes = lines.filter((line) => line.kind === 'crash');
    const done = new Set(crashes.map(({ id }) => id));
    this.#open = this.#plan.map(({ id }) => id).filter((id) => !done.has(id));
    return crashes;
  }
}
