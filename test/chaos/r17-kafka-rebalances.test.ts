/** R17: members of the group come, go, die and stand still every 1 to 5 s; executors see nothing of it, and no record runs twice. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { latenciesOf, percentile } from './check-liveness.ts';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';
import { viewShards } from './shard-view.ts';

const kafka = useKafka();
const STORM_MS = 120_000;
const MEMBERS_MIN = 2;
const MEMBERS_MAX = 4;
/** Longer than a member's session: the group has given its partitions to others when it wakes up. */
const FROZEN_MS: readonly [number, number] = [7_000, 9_000];
const LOSSES = ['leave', 'kill', 'freeze'] as const;

class Storm {
  readonly done = { join: 0, leave: 0, kill: 0, freeze: 0 };
  readonly codes: (number | null)[] = [];
  readonly #lab: Lab;
  #losses: (typeof LOSSES)[number][] = [];
  readonly #frozen = new Map<LabDaemon, Promise<void>>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  get #members(): LabDaemon[] {
    const pollers = this.#lab.ready().filter(({ args }) => args.includes('poller'));
    return pollers.filter((daemon) => !this.#frozen.has(daemon));
  }

  /** One of the four. Losses are dealt, so that none of them is left out for long. */
  async next(): Promise<void> {
    const { random } = this.#lab;
    const members = this.#members;
    const starting = this.#lab.alive().length - this.#lab.ready().length;
    if (members.length <= MEMBERS_MIN) return starting === 0 ? this.join() : undefined;
    if (members.length + starting < MEMBERS_MAX && random.chance(0.25)) return this.join();
    const member = random.pick(members);
    if (this.#losses.length === 0) this.#losses = random.some(LOSSES, LOSSES.length);
    const loss = this.#losses.pop()!;
    if (loss === 'leave') await this.#leave(member);
    else if (loss === 'kill') await this.#kill(member);
    else this.#freeze(member);
  }

  join(): void {
    this.done.join++;
    this.#lab.start('--role', 'poller');
  }

  async #leave(member: LabDaemon): Promise<void> {
    this.done.leave++;
    this.codes.push(await this.#lab.terminate(member));
  }

  async #kill(member: LabDaemon): Promise<void> {
    this.done.kill++;
    await this.#lab.kill(member);
  }

  #freeze(member: LabDaemon): void {
    this.done.freeze++;
    const thaw = async () => {
      const id = await this.#lab.beginFault('SIGSTOP');
      member.process.kill('SIGSTOP');
      await pause(this.#lab.random.between(...FROZEN_MS));
      member.process.kill('SIGCONT');
      // A poller has no turn.
      await this.#lab.healFault(id, 'SIGSTOP', []);
      this.#frozen.delete(member);
    };
    this.#frozen.set(member, thaw());
  }

  async over(): Promise<void> {
    await Promise.all(this.#frozen.values());
  }
}

/** What pollers said that had believed in partitions which others had. */
function refusedBy(lab: Lab): number {
  const lines = lab.daemons.flatMap((daemon) => daemon.process.lines);
  const reason = /fenced|another poller has the partition/;
  return lines.filter(({ msg, reason: why }) => msg.endsWith('looked up again') && reason.test(String(why))).length;
}

test(`R17: rebalances for ${STORM_MS / 1_000} s`, { timeout: timesOf(1_200_000) }, () => {
  const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 12 });
  return withLab({ name: 'r17', seed: seedOf(117), source }, async (lab) => {
    for (let i = 0; i < 2; i++) lab.start('--role', 'executor', '--concurrency', '6');
    const storm = new Storm(lab);
    for (let i = 0; i < MEMBERS_MIN; i++) storm.join();
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 30, work: [5, 20], failing: 0.01 });
    const until = performance.now() + timesOf(STORM_MS);
    while (performance.now() < until) {
      await pause(lab.random.between(1_000, 5_000));
      await storm.next();
    }
    await storm.over();
    const checked = await lab.check();
    const assigned = lab.daemons.flatMap(({ process }) => process.lines).filter((l) => l.msg.endsWith('assigned'));
    const waits = viewShards(checked.history)
      .flatMap(latenciesOf)
      .sort((a, b) => a - b);
    const wait = (fraction: number): number => Math.round(percentile(waits, fraction));
    const figures = { assignments: assigned.length, 'refused appends': refusedBy(lab) };
    report('R17', checked, { ...storm.done, ...figures, 'wait p50': wait(0.5), p99: wait(0.99), max: wait(1) });
    mustBeClean(checked);
    expect(checked.reached.repeats).toBe(0);
    expect(new Set(storm.codes)).toEqual(new Set([0]));
    // That it was a storm, and that a revoked shard's poller tried.
    expect(Math.min(...Object.values(storm.done))).toBeGreaterThan(0);
    expect(figures.assignments).toBeGreaterThan(2 * (storm.done.leave + storm.done.kill));
    expect(figures['refused appends']).toBeGreaterThan(0);
  });
});
