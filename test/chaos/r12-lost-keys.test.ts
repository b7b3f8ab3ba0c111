/** R12: markers, the queue, states, or all of Redis are removed under load: it is told, and what the streams have is settled. */
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { goOn, said, startTwo } from './lab/going-on.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { tellLosses } from './lab/lossy.ts';
import { loseEverything, loseGroups, loseQueue, loseState } from './lab/lost-keys.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const SHARDS = 5;
const TIMES = 2;

/** The records stay. */
async function loseSome(lab: Lab): Promise<void> {
  await startTwo(lab);
  let [groups, atWork] = [0, 0];
  const times = timesOf(TIMES);
  for (let time = 0; time < times; time++) {
    await pause(lab.random.between(0, 500));
    groups += await loseGroups(lab);
    await loseState(lab);
    atWork += await loseQueue(lab);
  }
  const checked = await lab.check();
  const shards = said(lab, /^the state of shards was lost/);
  report('R12, some keys', checked, { times, groups, atWork, 'shards told': shards });
  mustBeClean(checked);
  expect(groups).toBe(times * SHARDS);
  expect(atWork).toBeGreaterThan(0);
  expect(shards).toBe(times);
  expect(checked.reached.repeats).toBeGreaterThan(0);
  expect(checked.end.notices).toEqual([]);
  for (const { checkpoint, groupMarker } of checked.end.shards) expect(groupMarker).toBe(checkpoint);
}

/** The records, too: an operator makes the stream anew, and what is put from then on is settled. */
async function loseAll(lab: Lab): Promise<void> {
  await startTwo(lab);
  const times = timesOf(TIMES);
  for (let time = 0; time < times; time++) {
    await pause(lab.random.between(500, 1_500));
    await loseEverything(lab, async () => {
      await pause(lab.random.between(0, 3_000));
      await createStream(lab.redis, lab.keys, 's', { shards: SHARDS, retentionHours: 24 });
    });
    await goOn(lab);
  }
  await lab.drain();
  const sourceLost = await tellLosses(lab, 'unsettled');
  const checked = await lab.check();
  const mapping = said(lab, /^the state of the mapping was lost/);
  report('R12, all keys', checked, { times, sourceLost, 'mapping told': mapping });
  mustBeClean(checked);
  expect(mapping).toBeGreaterThanOrEqual(times);
  // No daemon can know of what was lost with its own state.
  expect(checked.end.notices).toEqual([]);
  expect(lab.alive()).toHaveLength(2);
}

test(`R12: keys lost ${TIMES} times each, and all of them`, { timeout: 600_000 }, async () => {
  const seed = seedOf(112);
  await Promise.all([
    withLab({ name: 'r12-some', seed, shards: SHARDS }, loseSome),
    withLab({ name: 'r12-all', seed, shards: SHARDS, countersLost: true }, loseAll),
  ]);
});
