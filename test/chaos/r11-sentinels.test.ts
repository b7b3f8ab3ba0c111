/** R11 where Sentinels decide who is the primary: daemons find it, go on by themselves, and keep what it still has, in order. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'vitest';
import { startSentinels } from '../support/sentinels.ts';
import { failOverBySentinels } from './lab/lossy-run.ts';
import { seedOf, timesOf } from './lab/report.ts';

const TIMES = 3;

test(`R11: Sentinels change the primary ${TIMES} times`, { timeout: timesOf(600_000) }, async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-sentinels-'));
  const sentinels = await startSentinels({ dir, appendfsync: 'always' });
  try {
    await failOverBySentinels(
      'R11 by Sentinels',
      { name: 'r11-sentinels', seed: seedOf(1111), shards: 6, sentinels },
      TIMES,
    );
  } finally {
    await sentinels.close();
    await rm(dir, { recursive: true, force: true });
  }
});
