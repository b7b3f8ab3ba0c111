/** A turn whose lock ran out is another worker's by now: taking the shard with it would fence the one that has it. */
import { expect, test } from 'vitest';
import { FencedError } from '../../src/errors.ts';
import { createExecutor } from '../../src/executor.ts';
import type { TurnMapping } from '../../src/turn/settings.ts';

const shard = { shardId: 'shardId-000000000000', key: 's', parents: [], closed: false };
const mapping = { name: 'm', shard: () => shard } as unknown as TurnMapping;

function executorThatTakes(takes: string[], error = new Error('no Redis here')): ReturnType<typeof createExecutor> {
  const take = (): never => {
    takes.push('take');
    throw error;
  };
  const silent = { error: () => undefined, warn: () => undefined, debug: () => undefined };
  const observe = { fenced: () => undefined };
  const deps = { redis: { call: take }, keys: { shard: () => 'state' }, daemonId: 'd', log: silent, observe };
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

test.each([
  { wentBack: true, kind: 'park' },
  { wentBack: false, kind: 'finished' },
])('fenced by a state that went back $wentBack', async ({ wentBack, kind }) => {
  const lock = {
    shardId: shard.shardId,
    held: () => true,
    renew: () => Promise.resolve(),
    proof: { key: 'lock', token: 't' },
  };
  const end = await executorThatTakes([], new FencedError('m/s', { wentBack })).turn(mapping, lock);
  expect(end.kind).toBe(kind);
});
