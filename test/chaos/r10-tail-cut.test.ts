/** R10: Redis is killed and comes back with 1 byte to 1 MB less of its append-only file: what the streams still have is settled, none is left out. */
import { expect, test } from 'vitest';
import { cutTails } from './lab/lossy-run.ts';
import { seedOf, timesOf } from './lab/report.ts';

const TIMES = 5;

test(`R10: the file of Redis cut ${TIMES} times`, { timeout: timesOf(600_000) }, async () => {
  expect(await cutTails('R10', { name: 'r10', seed: seedOf(110), shards: 6 }, TIMES)).toBeGreaterThan(0);
});
