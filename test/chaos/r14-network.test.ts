/** R14: the ways of daemons to Redis are cut, torn and silenced; nothing is lost or out of order, and work goes on. */
import { expect, test } from 'vitest';
import { LOCK_MS, QUEUE_SILENCE_MS, REDIS_SILENCE_MS } from '../../src/limits.ts';
import { eventually } from '../support/daemon.ts';
import { percentile } from './check-liveness.ts';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { BROKEN, type Breakage } from './lab/network.ts';
import { breakNetwork, hasHit, stayedAway, stoodStill, type Strike } from './lab/network-nemesis.ts';
import type { Random } from './lab/random.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

/** Whatever fails is given up at once: what the network did must not count. */
const SPEC = { name: 'r14', seed: seedOf(114), shards: 12, batchSize: 10, mapping: { maximumRetryAttempts: 0 } };
const DAEMONS = 3;
const STRIKES = 20;
/** More of a kind that has hit nothing. */
const TRIES_MAX = 4;
/** One strike of so many meets all daemons at once, as a switch would. */
const ALL_AT_ONCE = 0.15;
/** From the end of the breakage; of half-open connections from when they were noticed. */
const ON_AGAIN_MS_MAX = 10_000;
/** Half-open connections: the queue's blocking reads are the last to notice, where commands were not connected when it came. */
const NOTICED_MS_MAX = QUEUE_SILENCE_MS + 1_500;

const BLINK = [200, 1_500] as const;
/** Then a silence that costs connections, and one that costs the lock. */
const LENGTHS = [
  ...[BLINK, [REDIS_SILENCE_MS, LOCK_MS - 1_000], BLINK, [LOCK_MS, LOCK_MS + 2_000]],
  ...[BLINK, BLINK, BLINK, [REDIS_SILENCE_MS, LOCK_MS - 1_000], BLINK, BLINK],
] as const;

/** Each kind before any comes again. */
function drawn(random: Random, count: number): Breakage[] {
  const rounds = Array.from({ length: Math.ceil(count / BROKEN.length) }, () => random.some(BROKEN, BROKEN.length));
  return rounds.flat().slice(0, count);
}

/** One that has something in hand. */
async function busy(lab: Lab): Promise<LabDaemon> {
  const order = lab.random.some(lab.ready(), Infinity);
  const hands = (): Promise<number[]> => Promise.all(order.map(async (daemon) => (await lab.ownedBy(daemon)).length));
  const found = await eventually(hands, (counts) => counts.some((n) => n > 0), { what: 'a daemon has a turn' });
  return order[found.findIndex((n) => n > 0)]!;
}

function hitsOf(name: string, strikes: readonly Strike[]): string {
  const own = strikes.filter(({ breakage }) => breakage === name);
  return `${own.filter(hasHit).length} of ${own.length}`;
}

test(`R14: the network broken ${STRIKES} times`, { timeout: timesOf(1_800_000) }, () =>
  withLab(SPEC, async (lab) => {
    const { random } = lab;
    for (let i = 0; i < DAEMONS; i++) lab.startOver(await lab.link(), '--concurrency', '6');
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 50, work: [5, 30], failing: 0 });
    const strikes: Strike[] = [];
    let lasting = 0;
    const strike = async (breakage: Breakage): Promise<void> => {
      await pause(random.between(100, 500));
      const [from, to] = LENGTHS[lasting % LENGTHS.length]!;
      if (breakage.lasts) lasting++;
      const lastsMs = random.between(from, to);
      const one = await busy(lab);
      const some = random.chance(ALL_AT_ONCE) ? lab.ready() : [one];
      strikes.push(await breakNetwork(lab, breakage, some, lastsMs));
    };
    const isMissing = ({ name }: Breakage): boolean => !strikes.some((one) => one.breakage === name && hasHit(one));
    for (const breakage of drawn(random, timesOf(STRIKES))) await strike(breakage);
    // A turn may have ended between the look and the strike.
    for (let tries = 0; tries < TRIES_MAX; tries++)
      for (const breakage of BROKEN.filter(isMissing)) await strike(breakage);
    await pause(2_000);
    // A request that was not let out, because the lease could not be confirmed, has no last word.
    const checked = await lab.check({ silentFailures: true });
    const still = stoodStill(checked.history, strikes);
    const away = stayedAway(checked.history, strikes);
    const halfOpen = strikes.filter(({ breakage }) => breakage === 'half-open');
    const noticed = halfOpen.map(({ lastedMs }) => lastedMs).sort((a, b) => a - b);
    report('R14', checked, {
      ...Object.fromEntries(BROKEN.map(({ name }) => [`network ${name}`, hitsOf(name, strikes)])),
      ...{ 'half-open noticed p50': percentile(noticed, 0.5), 'the last': percentile(noticed, 1) },
      ...{ 'stood still p50': Math.round(percentile(still, 0.5)), 'at most': Math.round(still.at(-1) ?? 0) },
      ...{ 'away at most': Math.round(away.at(-1) ?? 0) },
    });
    mustBeClean(checked);
    // What the network did spends no attempt, and there was no other failure.
    expect(checked.reached.notices).toBe(0);
    expect(BROKEN.filter(isMissing)).toEqual([]);
    expect(percentile(noticed, 1)).toBeLessThanOrEqual(NOTICED_MS_MAX);
    expect(still.at(-1)).toBeLessThanOrEqual(ON_AGAIN_MS_MAX);
    expect(lab.alive()).toHaveLength(DAEMONS);
  }),
);
