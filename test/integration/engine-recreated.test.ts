/** Streams that are deleted and made anew, and records that are deleted one by one. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { add, numbers, said, SAID, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;

describe('a stream that was made anew', () => {
  test.each([5, 2_500])('with %i records, more than the old one had, is delivered once', async (n) => {
    const w = await world(redis, { handler: GOOD });
    await add(w.redis, 's', numbers(3));
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'the old ones settled' },
    );
    const anew = w.redis.multi().del('s');
    for (const text of numbers(n, 3)) anew.xadd('s', '*', 'data', text);
    await anew.exec();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === String(n + 3),
      { what: 'the new ones settled' },
    );
    await add(w.redis, 's', ['last']);
    await eventually(
      () => said(daemon).at(-1)?.data.at(-1),
      (text) => text === 'last',
      { what: 'the last one' },
    );
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual([...numbers(n + 3), 'last']);
  });
});

describe('records that are deleted one by one', () => {
  test('out of a waiting unit are counted once, also when all around them is trimmed', async () => {
    const handler = `let tries = 0;
      export const handler = async (event, context) => { say(event, context); if (++tries < 5) throw new Error('not yet'); };`;
    const w = await world(redis, { handler, source: { trim: 'settled' }, mapping: { batchSize: 3 } });
    const ids = await add(w.redis, 's', numbers(3));
    const daemon = w.start();
    await eventually(
      () => said(daemon).length,
      (n) => n >= 3,
      { what: 'three attempts' },
    );
    await w.redis.xdel('s', ids[1]!);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '2',
      { what: 'the others settled' },
    );
    await w.redis.xtrim('s', 'MAXLEN', 0);
    await add(w.redis, 's', ['next']);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'the next one' },
    );
    expect(await w.state()).toMatchObject({ 'n:lostBySource': '1' });
    expect((await w.notices()).map((n) => n.requestContext.condition)).toEqual(['SourceGap']);
  });
});
