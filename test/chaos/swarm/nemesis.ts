/** Does a plan's strikes one step after another until the time is over, and counts what they hit. */
import { messageOf } from '../../../src/errors.ts';
import { pause } from '../lab/lab.ts';
import { Random } from '../lab/random.ts';
import type { Fault, World } from './fault.ts';
import type { Plan, Step } from './plan.ts';

export interface Count {
  strikes: number;
  hits: number;
}

/** No strike takes so long, on whatever machine: then something hangs. */
const STRIKE_MS_MAX = 180_000;
const TRIES_MAX = 4;

export class Nemesis {
  readonly counts = new Map<Fault, Count>();
  /** Steps in which two were there at once. */
  mixed = 0;
  #strikes = 0;
  readonly #plan: Plan;
  readonly #world: Omit<World, 'random'>;

  constructor(plan: Plan, world: Omit<World, 'random'>) {
    this.#plan = plan;
    this.#world = world;
    for (const fault of plan.weights.keys()) this.counts.set(fault, { strikes: 0, hits: 0 });
  }

  /** Until the plan's time is over and each fault was done, or `stopped` says so. The step that is under way then is ended. */
  async run(stopped: () => boolean): Promise<void> {
    const until = performance.now() + this.#plan.spec.faultsMs;
    const { steps, weights } = this.#plan;
    for (let done = 0; (done < weights.size || performance.now() < until) && !stopped(); done++) {
      const step = steps.next().value;
      // A first one that hit nothing came at a bad moment.
      for (let tries = 0; tries < TRIES_MAX && (tries === 0 || this.#missed(step)); tries++) {
        await pause(step.pauseMs);
        await this.#step(step);
      }
    }
  }

  #missed({ faults }: Step): boolean {
    return faults.some((fault) => this.counts.get(fault)!.hits === 0);
  }

  async #step({ faults, seed }: Step): Promise<void> {
    const { lab } = this.#world;
    if (faults.length > 1) this.mixed++;
    lab.exact = faults.length === 1;
    const ended = await Promise.allSettled(faults.map((fault, index) => this.#strike(fault, seed + index)));
    lab.exact = true;
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  async #strike(fault: Fault, seed: number): Promise<void> {
    const count = this.counts.get(fault)!;
    count.strikes++;
    // Beside what the strike says of the shards that it hit: until it is over nobody has been left alone. It excuses no repeat.
    const line = {
      kind: 'fault',
      fault: fault.name,
      id: `strike-${++this.#strikes}`,
      shards: '*',
      clean: true,
    } as const;
    await this.#world.lab.recorder.record({ ...line, phase: 'begin' });
    let timer;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`${fault.name} did not end within ${STRIKE_MS_MAX / 1_000} s`);
      timer = setTimeout(() => reject(error), STRIKE_MS_MAX);
    });
    try {
      const hit = await Promise.race([fault.strike({ ...this.#world, random: new Random(seed) }), late]);
      if (hit) count.hits++;
      await this.#world.lab.recorder.record({ ...line, phase: 'healed' });
    } catch (error) {
      throw new Error(`${fault.name}: ${messageOf(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}
