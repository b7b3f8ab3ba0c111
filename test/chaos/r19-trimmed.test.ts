/** R19: somebody trims the stream while records wait: the loss is reported with its positions, and all others are settled. */
import { expect, test } from 'vitest';
import { compareIds } from '../../src/record.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const TRIMS = 10;

/** Removes the older half of a shard's unread records, so that some of them are lost; returns how many were past the checkpoint. */
async function trimSome(lab: Lab): Promise<number> {
  const { shard, state } = lab.random.pick(await lab.look());
  const waiting = await lab.redis.xrange(shard.key, `(${state['cp']!}`, '+');
  if (waiting.length < 8) return 0;
  const from = waiting[lab.random.between(4, waiting.length - 1)]![0];
  const id = await lab.beginFault('XTRIM');
  await lab.redis.xtrim(shard.key, 'MINID', from);
  await lab.healFault(id, 'XTRIM', [shard.name]);
  return waiting.filter(([entry]) => compareIds(entry, from) < 0).length;
}

test(`R19: ${TRIMS} trims while records wait`, { timeout: timesOf(300_000) }, () =>
  withLab({ name: 'r19', seed: seedOf(119), shards: 6, trimmedByHand: true }, async (lab) => {
    await lab.start('--concurrency', '6').process.ready;
    // More than it can do, so that every shard has a backlog.
    lab.producer.start({ perSecond: 150, work: [20, 60], failing: 0.01 });
    const trims = timesOf(TRIMS);
    let removed = 0;
    for (let trim = 0; trim < trims;) {
      await pause(lab.random.between(200, 800));
      const lost = await trimSome(lab);
      removed += lost;
      if (lost > 0) trim++;
    }
    const checked = await lab.check();
    const gaps = checked.end.notices.filter(({ notice }) => notice.requestContext.condition === 'SourceGap');
    const lost = gaps.reduce((sum, { notice }) => sum + notice.KinesisBatchInfo.batchSize, 0);
    report('R19', checked, { trims, removed, gaps: gaps.length, lost });
    mustBeClean(checked);
    expect(gaps.length).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(removed);
    const counted = (await lab.look()).map(({ state }) => Number(state['n:lostBySource'] ?? 0));
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(lost);
  }),
);
