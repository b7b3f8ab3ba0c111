/** Which connections are given up when the one that they were made of is silent. Real ones: test/integration/half-open.test.ts. */
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { HEARTBEAT_MS, REDIS_LOOK_MS } from '../../src/limits.ts';
import type { Redis } from '../../src/redis/connect.ts';
import { giveUpTogether } from '../../src/redis/duplicates.ts';

const SILENCE = new Error("Socket timeout. Expecting data, but didn't receive any in 2500ms.");

class FakeRedis extends EventEmitter {
  status = 'ready';
  destroyed = 0;
  readonly stream = { destroy: () => void this.destroyed++ };

  duplicate(): FakeRedis {
    return new FakeRedis();
  }
}

function family(): { first: FakeRedis; made: FakeRedis[] } {
  const first = new FakeRedis();
  giveUpTogether(first as unknown as Redis);
  return { first, made: [first.duplicate(), first.duplicate(), first.duplicate()] };
}

test('all that are connected or about to be, once for each silence of one that was ready', () => {
  const { first, made } = family();
  made[1]!.status = 'reconnecting';
  made[2]!.status = 'connect';
  first.emit('error', SILENCE);
  first.emit('error', SILENCE);
  expect(made.map(({ destroyed }) => destroyed)).toEqual([1, 0, 1]);
  first.emit('ready');
  made[2]!.emit('end');
  first.emit('error', SILENCE);
  expect(made.map(({ destroyed }) => destroyed)).toEqual([2, 0, 1]);
  first.emit('end');
});

test('none for another error', () => {
  const { first, made } = family();
  first.emit('error', new Error('read ECONNRESET'));
  expect(made.map(({ destroyed }) => destroyed)).toEqual([0, 0, 0]);
  first.emit('end');
});

test('none when this process stood still: what came meanwhile is not read yet', async () => {
  const { first, made } = family();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HEARTBEAT_MS + 200);
  first.emit('error', SILENCE);
  expect(made[0]!.destroyed).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 3 * REDIS_LOOK_MS));
  first.emit('error', SILENCE);
  expect(made[0]!.destroyed).toBe(1);
  first.emit('end');
});
