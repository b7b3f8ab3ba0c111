/**
 * A toy engine over one shard that writes histories with crashes, zombies, failing functions and partial responses, right or wrong in
 * one known way. It proves that the checker tells them apart; the real engine's wrong builds are made by wrapping its ports.
 */
import { SHARD, Story } from './story.ts';

export const BUGS = [
  'ack before run',
  'marker before checkpoint',
  'no fencing of the checkpoint',
  'no fencing at the sink',
  'own retry instead of a held shard',
  'checkpoint is the maximum',
  'sandbox death as success',
  'checkpoint at the batch end of a partial failure',
  'deliveries not counted before the run',
  'batch dropped at takeover',
] as const;
export type Bug = (typeof BUGS)[number];

const RECORDS = 24;
const BATCH = 4;

interface Unit {
  readonly from: number;
  readonly to: number;
  readonly id: string;
  attempt: number;
}

/** A small generator of numbers in [0, 1), so that a seed names a history. */
function numbers(seed: number): () => number {
  let state = seed + 0x9e3779b9;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) / 2 ** 32;
  };
}

export function runSeeded(seed: number, bug: Bug | null): Story {
  return new SeededEngine(seed, bug).run();
}

class SeededEngine {
  readonly story = new Story();
  readonly #random: () => number;
  readonly #bug: Bug | null;
  #epoch = 1;
  #ids = 0;
  #checkpoint = 0;
  /** Where the next fresh batch begins. */
  #next = 1;
  #unit: Unit | null = null;
  /** Only the bug of that name puts units off. */
  #putOff: Unit[] = [];

  constructor(seed: number, bug: Bug | null) {
    this.#random = numbers(seed);
    this.#bug = bug;
  }

  run(): Story {
    this.story.accepted(1, RECORDS);
    for (let step = 0; step < 300 && this.#takeUnit(); step++) this.#attempt(this.#unit!);
    return this.story;
  }

  #takeUnit(): boolean {
    if (this.#unit) return true;
    if (this.#next <= RECORDS) this.#unit = this.#fresh(this.#next, Math.min(this.#next + BATCH - 1, RECORDS));
    else this.#unit = this.#putOff.shift() ?? null;
    if (this.#unit) this.#next = Math.max(this.#next, this.#unit.to + 1);
    return this.#unit !== null;
  }

  #fresh(from: number, to: number): Unit {
    return { from, to, id: `u${++this.#ids}`, attempt: 0 };
  }

  #say(kind: 'start' | 'effect' | 'success' | 'failure', unit: Unit, from = unit.from, to = unit.to): void {
    this.story.attempt(kind, from, to, { id: unit.id, attempt: unit.attempt, epoch: this.#epoch });
  }

  #settle(to: number): void {
    if (this.#bug === 'own retry instead of a held shard' && this.#putOff.length > 0) return;
    this.#checkpoint = to;
    this.story.checkpoint(to).ack(to);
  }

  #done(unit: Unit): void {
    this.#settle(this.#bug === 'checkpoint is the maximum' ? Math.max(unit.to, this.#checkpoint) : unit.to);
    this.#unit = null;
  }

  #takeover(unit: Unit): void {
    this.story.fault();
    this.#epoch++;
    if (this.#bug === 'ack before run' || this.#bug === 'batch dropped at takeover') this.#unit = null;
    if (this.#bug === 'deliveries not counted before the run') unit.attempt--;
  }

  #attempt(unit: Unit): void {
    unit.attempt++;
    if (this.#bug === 'ack before run') this.#settle(unit.to);
    if (this.#bug === 'marker before checkpoint') this.story.ack(unit.to);
    this.#say('start', unit);
    const roll = this.#random();
    if (roll < 0.1) return this.#takeover(unit);
    if (roll < 0.2) return this.#zombie(unit);
    if (roll < 0.4) return this.#fail(unit);
    if (roll < 0.5) return this.#sandboxDies(unit);
    if (roll < 0.65 && unit.to > unit.from) return this.#partial(unit);
    this.#say('success', unit);
    if (roll > 0.9) return this.#takeover(unit);
    this.#done(unit);
  }

  /** The worker stands still; another does this unit and the next; then the first wakes up. */
  #zombie(unit: Unit): void {
    const old = this.#epoch;
    const before = unit.attempt;
    this.#takeover(unit);
    if (!this.#unit) return;
    unit.attempt++;
    this.#say('start', unit);
    this.#say('success', unit);
    this.#done(unit);
    if (this.#takeUnit() && this.#unit) {
      const next: Unit = this.#unit;
      next.attempt++;
      this.#say('start', next);
      this.#say('success', next);
      this.#done(next);
    }
    if (this.#bug === 'no fencing at the sink') {
      this.story.attempt('effect', unit.from, unit.to, { id: unit.id, attempt: before, epoch: old });
    } else this.story.refused(unit.from, unit.to, old);
    if (this.#bug === 'no fencing of the checkpoint') {
      this.#settle(unit.to);
      this.#next = unit.to + 1;
      this.#unit = null;
    }
  }

  #fail(unit: Unit): void {
    this.#say('failure', unit);
    this.story.wait(200);
    if (this.#bug !== 'own retry instead of a held shard' && this.#bug !== 'checkpoint is the maximum') return;
    this.#putOff.push(unit);
    this.#unit = null;
  }

  #sandboxDies(unit: Unit): void {
    this.story.fault({ fault: 'sandbox killed', shards: [SHARD] }, 1);
    if (this.#bug === 'sandbox death as success') this.#done(unit);
  }

  #partial(unit: Unit): void {
    const reported = unit.from + 1 + Math.floor(this.#random() * (unit.to - unit.from));
    this.#say('success', unit, unit.from, reported - 1);
    this.#say('failure', unit, reported, unit.to);
    if (this.#bug === 'checkpoint at the batch end of a partial failure') return this.#done(unit);
    this.#settle(reported - 1);
    this.#unit = this.#fresh(reported, unit.to);
  }
}
