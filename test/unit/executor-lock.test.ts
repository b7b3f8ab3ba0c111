/** A turn whose lock ran out is another worker's by now: taking the shard with it would fence the one that has it. */
import { expect, test } from 'vitest';
import { createExecutor } from '../../src/executor.ts';
import type { TurnMapping } from '../../src/turn/settings.ts';

const shard = { shardId: 'shardId-000000000000', key: 's', parents: [], closed: false };
const mapping = { name: 'm', shard: () => shard } as unknown as TurnMapping;

function executorThatTakes(takes: string[]): ReturnType<typeof createExecutor> {
  const take = (): never => {
    takes.push('take');
    throw new Error('no Redis here');
  };
  const silent = { error: () => undefined, warn: () => undefined, debug: () => undefined };
  const deps = { redis: { call: take }, keys: { shard: () => 'state' }, daemonId: 'd', log: silent };
  return createExecutor(deps as unknown as Parameters<typeof createExecutor>[0]);
}

test.each([
  { held: true, takes: ['take'], kind: 'park' },
  { held: false, takes: [], kind: 'yield' },
])('lock held: $held', async ({ held, takes, kind }) => {
  const seen: string[] = [];
  const lock = {
    shardId: shard.shardId,
    held: () => held,
    renew: () => Promise.resolve(),
    proof: { key: 'lock', token: 't' },
  };
  const end = await executorThatTakes(seen).turn(mapping, lock);
  expect(seen).toEqual(takes);
  expect(end.kind).toBe(kind);
});

test.each([
  { has: true, takes: ['take'], kind: 'park' },
  { has: false, takes: [], kind: 'finished' },
])('a shard that is not known yet is looked for: there $has', async ({ has, takes, kind }) => {
  const seen: string[] = [];
  const unknowing = { name: 'm', shard: () => undefined, lookFor: async () => (has ? shard : undefined) };
  const lock = {
    shardId: shard.shardId,
    held: () => true,
    renew: () => Promise.resolve(),
    proof: { key: 'lock', token: 't' },
  };
  const end = await executorThatTakes(seen).turn(unknowing as unknown as TurnMapping, lock);
  expect(seen).toEqual(takes);
  expect(end.kind).toBe(kind);
});
