/** I9, by order: what shards do that always fail, or hang, holds up no record of the others. The run itself is made by hand. */
import { expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { checkTroubled, stretchesOf } from './check-troubled.ts';
import { type Checked, withLab } from './lab/lab.ts';
import { everyDay, isByHand, report, seedOf } from './lab/report.ts';
import { isDrained } from './lab/shards.ts';
import { viewShards, type Violation } from './shard-view.ts';
import { SHARD, Story } from './story.ts';
import { SLOT_WRONG_BUILDS } from './wrong-builds/slot-builds.ts';

const OTHER = 'm/shardId-000000000001';

test.each([
  ['before what hangs has ended', 1_000, 0],
  ['only when it has', 4_000, 1],
])('a record that starts %s', (_, afterMs, violations) => {
  const story = new Story().accepted(1, 1, OTHER).accepted(2, 2);
  story.attempt('start', 1, 1, { shard: OTHER }).wait(afterMs);
  const early = afterMs < 3_000;
  if (early) story.attempt('start', 2, 2).wait(3_000 - afterMs);
  story.attempt('start', 1, 1, { shard: OTHER, attempt: 2 });
  if (!early) story.attempt('start', 2, 2);
  const found = checkTroubled(viewShards(story.lines), [OTHER], 3_000);
  expect(found.map(({ invariant, shard }) => [invariant, shard])).toEqual(Array(violations).fill(['I9', SHARD]));
});

/** As many slots as shards that always fail, and one that hangs has another. */
const SLOTS = 4;
const POISONED = 3;
const TIMEOUT_S = 4;
/** Pauses of 0.2 s to 6.4 s. */
const RETRIES = 6;
/** The longest pauses, and each attempt that hangs. */
const STRETCH_MS = 3_000;
const HANGS_MS = 60_000;
const TROUBLE_MS_MAX = 240_000;

interface Troubled {
  readonly checked: Checked;
  readonly isolation: readonly Violation[];
  readonly stretches: number;
}

function runTroubled(wrongBuild?: string): Promise<Troubled> {
  const spec = { name: 'troubled', seed: seedOf(109), shards: 10, timeout: TIMEOUT_S };
  const mapping = { maximumRetryAttempts: RETRIES };
  return withLab({ ...spec, mapping, ...(wrongBuild && { wrongBuild }) }, async (lab) => {
    const daemon = lab.start('--concurrency', String(SLOTS));
    await daemon.process.ready;
    const troubled = lab.shards.slice(0, POISONED + 1);
    const healthy = lab.shards.slice(POISONED + 1);
    const poison = { perSecond: 0, work: [10, 20], failing: 0, poisoned: 1 } as const;
    for (const shard of troubled.slice(0, POISONED)) await lab.producer.put(1, poison, [shard]);
    const hanging = { perSecond: 0, work: [HANGS_MS, HANGS_MS], failing: 0 } as const;
    await lab.producer.put(1, hanging, troubled.slice(POISONED));
    lab.producer.start({ perSecond: 20, work: [10, 40], failing: 0.02, shards: healthy });
    const names = troubled.map(({ name }) => name);
    const inTrouble = async () => (await lab.look()).filter((now) => names.includes(now.shard.name) && !isDrained(now));
    const isOver = (left: readonly unknown[]): boolean => left.length === 0;
    await eventually(inTrouble, isOver, { withinMs: TROUBLE_MS_MAX, everyMs: 200, what: 'trouble is over' });
    const checked = await lab.check({ silentFailures: true });
    const views = viewShards(checked.history);
    const stretches = stretchesOf(views, names, STRETCH_MS).length;
    return { checked, isolation: checkTroubled(views, names, STRETCH_MS), stretches };
  });
}

test.each(isByHand() ? ['stand'] : [])('I9: the engine can %s it', { timeout: 600_000 }, async () => {
  const { checked, isolation, stretches } = await runTroubled();
  report('I9', checked, { 'long attempts and pauses': stretches });
  expect([...checked.violations, ...isolation]).toEqual([]);
  expect(stretches).toBeGreaterThan(POISONED);
});

test.each(everyDay(SLOT_WRONG_BUILDS))('I9 rejects: $name', { timeout: 600_000 }, async ({ name }) => {
  const { checked, isolation, stretches } = await runTroubled(name);
  report(`wrong build: ${name}`, checked, { 'long attempts and pauses': stretches, I9: isolation.length });
  expect(isolation.length).toBeGreaterThan(0);
});
