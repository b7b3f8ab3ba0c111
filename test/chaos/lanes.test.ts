/** Daemons are killed in every way while four lanes of each shard run at once; order per key, no gap at the checkpoint, nothing settled runs again. */
import { expect, test } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { type EveryWay, killSome, killTheRest, startAll, timesOfAll, wordsOf } from './lab/every-way.ts';
import { type Checked, type Lab, type LabDaemon, mustBeClean, withLab } from './lab/lab.ts';
import { everyDay, report, seedOf, timesOf } from './lab/report.ts';
import { LANE_WRONG_BUILDS } from './wrong-builds/lane-builds.ts';

const FACTOR = 4;
const BATCH = 2;
const SPEC = { shards: 4, batchSize: BATCH, mapping: { parallelizationFactor: FACTOR } };
const TIMES = timesOfAll({ kills: 5, zombies: 1, everything: 1, redis: 1 });
const WRONG_KILLS = 8;
const WRONG_RUNS_MAX = 6;
const WRONG_DRAIN_MS_MAX = 15_000;

async function run(lab: Lab, times: EveryWay): Promise<void> {
  await startAll(lab);
  // Some records are slow, so that lanes are far apart when their executor is killed.
  lab.producer.start({ perSecond: 60, work: [10, 120], failing: 0.03, keys: 20 });
  await killSome(lab, times.kills, [200, 1_500], (ready) =>
    lab.random.chance(0.5) ? someHolder(lab, ready) : Promise.resolve(lab.random.pick(ready)),
  );
  await killTheRest(lab, times);
}

/** One that has a shard just now, if there is one. */
async function someHolder(lab: Lab, ready: readonly LabDaemon[]): Promise<LabDaemon> {
  const owners = new Set((await lab.look()).map(({ state }) => state['owner']));
  const holders = ready.filter((daemon) => owners.has(daemon.id()));
  return lab.random.pick(holders.length > 0 ? holders : ready);
}

/** Keys are read from the streams, which keep everything. */
async function check(lab: Lab): Promise<Checked> {
  await lab.drain();
  const keys = new Map<string, string>();
  for (const { name, key } of lab.shards)
    for (const [id, fields] of await lab.redis.xrange(key, '-', '+'))
      keys.set(`${name} ${toSequenceNumber(id)}`, fields[fields.indexOf('partitionKey') + 1]!);
  const keyOf = (shard: string, position: string) => keys.get(`${shard} ${position}`)!;
  return await lab.check({ lanes: { factor: FACTOR, batchSize: BATCH, keyOf } });
}

test(`${FACTOR} lanes of each shard: ${wordsOf(TIMES)}`, { timeout: timesOf(600_000) }, () =>
  withLab({ ...SPEC, name: 'lanes', seed: seedOf(150) }, async (lab) => {
    await run(lab, TIMES);
    const checked = await check(lab);
    report('lanes', checked, { ...TIMES });
    mustBeClean(checked);
    expect(checked.drained).toBe(true);
  }),
);

const WRONG_BUILDS = everyDay(LANE_WRONG_BUILDS, 'the checkpoint is the highest settled position of all lanes');

test.each(WRONG_BUILDS)('the checker rejects: $name', { timeout: 600_000 }, async (build) => {
  const seen = new Set<string>();
  for (let go = 0; go < WRONG_RUNS_MAX; go++) {
    const spec = { ...SPEC, name: 'lanes wrong', seed: seedOf(151) + go, wrongBuild: build.name };
    const checked = await withLab({ ...spec, drainMsMax: WRONG_DRAIN_MS_MAX }, async (lab) => {
      await run(lab, { kills: WRONG_KILLS, zombies: 0, everything: 0, redis: 0 });
      return await check(lab);
    });
    for (const { invariant } of checked.violations) if (checked.drained || invariant !== 'I1') seen.add(invariant);
    if (!build.breaks.some((invariant) => seen.has(invariant))) continue;
    report(`wrong build: ${build.name}`, checked, { run: go + 1, seen: [...seen].sort().join(' ') });
    return;
  }
  expect([...seen], 'invariants that were reported').toEqual(expect.arrayContaining([...build.breaks]));
});
