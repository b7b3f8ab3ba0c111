/** R11: a replica of Redis takes over that had not heard of the last writes: as R10, and epochs do not go back. */
import { expect, test } from 'vitest';
import { failOver } from './lab/lossy-run.ts';
import { seedOf, timesOf } from './lab/report.ts';

const TIMES = 3;

test(`R11: Redis failed over ${TIMES} times with a lost tail`, { timeout: timesOf(600_000) }, async () => {
  expect(await failOver('R11', { name: 'r11', seed: seedOf(111), shards: 6 }, TIMES)).toBeGreaterThan(0);
});
