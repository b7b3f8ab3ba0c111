/** Which connections are given up when the one that they were made of is silent. Real ones: test/integration/half-open.test.ts. */
import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { REDIS_LOOK_MS, REDIS_SILENCE_MS } from '../../src/limits.ts';
import type { Redis } from '../../src/redis/connect.ts';
import { giveUpSilent, giveUpTogether } from '../../src/redis/duplicates.ts';

const made: FakeRedis[] = [];
afterEach(() => made.splice(0).forEach((one) => one.emit('end')));

class FakeRedis extends EventEmitter {
  status = 'ready';
  readonly commandQueue: string[] = [];
  readonly destroyed: string[] = [];
  readonly stream = { bytesRead: 7, destroy: (error: Error) => void this.destroyed.push(error.message) };
  readonly options: object;

  constructor(options: object = {}) {
    super();
    this.options = options;
    made.push(this);
  }

  duplicate(options?: object): FakeRedis {
    return new FakeRedis(options);
  }
}

const as = (one: FakeRedis): Redis => one as unknown as Redis;
/** Until the first of them is given up. */
const givenUp = (...some: FakeRedis[]) =>
  expect.poll(() => some.map(({ destroyed }) => destroyed.length), { timeout: 3 * REDIS_SILENCE_MS });

test('all that are connected or about to be, once for each silence of one that was ready', async () => {
  const first = new FakeRedis();
  giveUpTogether(as(first));
  const [a, b, c] = Array.from({ length: 3 }, () => first.duplicate());
  b!.status = 'reconnecting';
  c!.status = 'connect';
  first.commandQueue.push('PING');
  await givenUp(first, a!, b!, c!).toEqual([1, 1, 0, 1]);
  expect(first.destroyed).toEqual([expect.stringMatching(/^Socket timeout/)]);
  // Connected anew, and silent before it was ready.
  first.status = 'connect';
  await givenUp(first, a!, b!, c!).toEqual([2, 1, 0, 1]);
  first.status = 'ready';
  first.emit('ready');
  c!.emit('end');
  await givenUp(first, a!, b!, c!).toEqual([3, 2, 0, 1]);
}, 20_000);

test('a duplicate by its own limit, which ioredis is not told', async () => {
  const first = new FakeRedis();
  giveUpTogether(as(first));
  const soon = first.duplicate({ socketTimeout: 2 * REDIS_LOOK_MS, db: 1 });
  const later = first.duplicate({ socketTimeout: 10 * REDIS_SILENCE_MS });
  expect(soon.options).toEqual({ db: 1 });
  soon.commandQueue.push('GET');
  later.commandQueue.push('GET');
  await givenUp(soon, later, first).toEqual([1, 0, 0]);
});

test('none on which nothing is asked, and none on which something comes', async () => {
  const [idle, slow] = [new FakeRedis(), new FakeRedis()];
  for (const one of [idle, slow]) giveUpSilent(as(one), REDIS_LOOK_MS * 2);
  slow.commandQueue.push('GET');
  const dripping = setInterval(() => slow.stream.bytesRead++, REDIS_LOOK_MS / 5);
  await wait(8 * REDIS_LOOK_MS);
  clearInterval(dripping);
  expect([idle.destroyed, slow.destroyed]).toEqual([[], []]);
  await givenUp(slow, idle).toEqual([1, 0]);
});

test('none when this process stood still: what came meanwhile is not read yet', async () => {
  const first = new FakeRedis();
  giveUpTogether(as(first));
  const one = first.duplicate();
  first.commandQueue.push('PING');
  await wait(2 * REDIS_LOOK_MS);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * REDIS_SILENCE_MS);
  await wait(REDIS_LOOK_MS);
  expect([first.destroyed, one.destroyed]).toEqual([[], []]);
  first.stream.bytesRead++;
  first.commandQueue.pop();
  await wait(3 * REDIS_LOOK_MS);
  expect([first.destroyed, one.destroyed]).toEqual([[], []]);
}, 20_000);
