/** `millrace failures redrive` where the daemons' Redis user may not do what it takes: nothing runs, and it is said why. */
import { writeFile } from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { add, configOf, heard, said, world, type World } from '../support/engine.ts';
import { dataOf, failingFor, mend, nothingLeft, ONCE, redrive, SHARD } from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

// Daemons are started twice in each test.
vi.setConfig({ testTimeout: 240_000 });
const redis = useRedis();

afterEach(async () => {
  await redis.client.call('ACL', 'DELUSER', 'limited');
});

const allow = (...rules: readonly string[]) => redis.client.call('ACL', 'SETUSER', 'limited', ...rules);

/** Notices of `a` and `b` in the stream `dead`, and a daemon with a mended function that goes by a user with these rules. */
async function refusedWorld(...rules: readonly string[]) {
  const mapping = { ...ONCE, destinationConfig: { onFailure: { type: 'redis-stream', stream: 'dead' } } };
  const w = await world(redis, { handler: failingFor('.'), mapping });
  await add(w.redis, 's', ['a', 'b']);
  const broken = w.start();
  await noticesLeft(w, 2);
  await broken.stop();
  await mend(w, 'never');
  await allow('reset', 'on', '>pass', '+@all', '&*', ...rules);
  const limited = `${w.dir}/limited.yaml`;
  await writeFile(limited, configOf({ handler: '', mapping }, redis.url.replace('//', '//limited:pass@')));
  const daemon = startTestDaemon({ config: limited, env: { MILLRACE_CACHE: TEST_CACHE } });
  await daemon.ready;
  return { w, daemon };
}

const noticesLeft = (w: World, n: number) =>
  eventually(
    () => w.redis.xlen('dead'),
    (length) => length === n,
    { what: `${n} notices`, withinMs: 60_000 },
  );

test.for([
  { what: 'XDEL', rules: ['~*', '-xdel'], mended: ['+xdel'], why: 'the ACL refuses XDEL on dead' },
  {
    ...{ what: 'the failure stream', rules: ['~millrace*', '~{millrace*', '~s'], mended: ['~dead'] },
    why: 'the ACL refuses to read the failure stream dead',
  },
])('without $what', async ({ rules, mended, why }) => {
  const { w, daemon } = await refusedWorld(...rules);
  const asked = await redrive(w);
  expect([asked.code, asked.report]).toEqual([2, { redriven: 2, succeeded: 0, failedAgain: 0 }]);
  expect(asked.stderr).toContain(`${SHARD}: ${why}; the daemons go on when that is mended`);
  const { mappings } = await collectStatus(w.redis, w.keys);
  expect(mappings[0]!.redrives).toEqual([
    expect.objectContaining({ shardId: SHARD, state: 'blocked', notices: 2, why }),
  ]);
  const shown = await run(MILLRACE, ['status', '-c', w.config]);
  expect(shown.stdout).toContain(`redrive of ${SHARD}, blocked: 2 notices to run\n`);
  expect(shown.stdout).toContain(why);
  // Not even once: what it does could not be settled.
  expect(said(daemon)).toEqual([]);
  await allow(...mended);
  await noticesLeft(w, 0);
  await heard(2, daemon);
  expect(dataOf(daemon)).toEqual(['a', 'b']);
  await nothingLeft(w);
});
