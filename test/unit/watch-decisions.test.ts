/** The pure parts of watching: who watches a shard, what a look at it says, how often it is looked at. */
import { describe, expect, it } from 'vitest';
import { SWEEP_EVERY_MS, SWEEP_PAUSE_MAX_MS, SWEEP_PAUSE_MIN_MS } from '../../src/limits.ts';
import { AFTER_ALL } from '../../src/record.ts';
import type { ShardView } from '../../src/shard/sweep.ts';
import { watcherOf } from '../../src/watch/assign.ts';
import { judge, lagOf, type Verdict } from '../../src/watch/judge.ts';
import { sweepPlan } from '../../src/watch/sweep-plan.ts';

const shards = Array.from({ length: 3_000 }, (_, i) => `orders/shardId-${String(i).padStart(12, '0')}`);
const members = (n: number) => Array.from({ length: n }, (_, i) => `host-${i}:4${i}`);

describe('watcherOf', () => {
  it.each([2, 3, 8])('spreads evenly over %i members', (n) => {
    const share = new Map<string, number>();
    for (const shard of shards) {
      const watcher = watcherOf(shard, members(n))!;
      share.set(watcher, (share.get(watcher) ?? 0) + 1);
    }
    expect(share.size).toBe(n);
    const fair = shards.length / n;
    for (const count of share.values()) expect(Math.abs(count - fair) / fair).toBeLessThan(0.2);
  });

  it('moves only the share of a member that leaves, and to a newcomer only its own', () => {
    for (const shard of shards) {
      const before = watcherOf(shard, members(5))!;
      const without = watcherOf(shard, members(5).slice(0, 4))!;
      if (before !== members(5)[4]) expect(without).toBe(before);
      const withMore = watcherOf(shard, members(6))!;
      if (withMore !== members(6)[5]) expect(withMore).toBe(before);
    }
  });

  it('does not depend on the order of the members, and is nobody when there are none', () => {
    for (const shard of shards.slice(0, 200)) {
      expect(watcherOf(shard, members(7).reverse())).toBe(watcherOf(shard, members(7)));
    }
    expect(watcherOf('a', [])).toBeUndefined();
  });
});

const NOW = 1_000_000;
const stream = (length: number, added: number, firstId: string, lastId: string, lastGeneratedId = lastId) => ({
  ...{ length, entriesAdded: added, firstId, lastId, lastGeneratedId },
});
const view = (over: Partial<ShardView> = {}): ShardView => ({
  ...{ checkpoint: '5-0', entriesRead: 5, owner: '', notBefore: 0, expiresAt: 0, done: false, settledAt: 0 },
  ...{ paused: false, ageing: null },
  ...{
    unitPending: false,
    blocked: false,
    epoch: '1',
    seenAdded: 5,
    spool: null,
    windowDueAt: 0,
    freeFrom: '',
    nextId: null,
  },
  stream: stream(5, 5, '1-0', '5-0'),
  ...over,
});
const more = { stream: stream(8, 8, '1-0', '8-0'), nextId: '6-0' };

describe('judge', () => {
  it.each<[string, Partial<ShardView>, Verdict]>([
    ['done before all else', { done: true, owner: 'd', ...more }, { kind: 'done' }],
    ['paused by an operator', { paused: true, unitPending: true, ...more }, { kind: 'paused' }],
    ['paused, with a turn in flight', { paused: true, owner: 'd', ...more }, { kind: 'running' }],
    ['owned', { owner: 'd', unitPending: true, ...more }, { kind: 'running' }],
    ['owned by a daemon that is gone', { owner: 'gone', ...more }, { kind: 'work', first: '6-0' }],
    ['a unit that waits', { unitPending: true, notBefore: NOW + 1 }, { kind: 'parked', until: NOW + 1 }],
    ['a unit whose wait is over', { unitPending: true, notBefore: NOW }, { kind: 'work', first: null }],
    ['a unit of a stream that is gone', { unitPending: true, stream: null }, { kind: 'work', first: null }],
    ['records', more, { kind: 'work', first: '6-0' }],
    ['nothing new', {}, { kind: 'idle' }],
    ['a key that never existed', { checkpoint: '0-0', entriesRead: 0, seenAdded: 0, stream: null }, { kind: 'idle' }],
    ['deleted, all settled', { stream: null }, { kind: 'idle' }],
    ['deleted with unsettled records', { stream: null, seenAdded: 7 }, { kind: 'work', first: null }],
    [
      'trimmed past the checkpoint',
      { stream: stream(1, 9, '9-0', '9-0'), nextId: '9-0' },
      { kind: 'work', first: null },
    ],
    ['trimmed to nothing', { stream: stream(0, 9, '', '', '9-0') }, { kind: 'work', first: null }],
    ['trimmed up to the checkpoint', { stream: stream(0, 5, '', '', '5-0') }, { kind: 'idle' }],
    ['made anew with lower ids', { stream: stream(1, 1, '1-0', '1-0') }, { kind: 'work', first: null }],
    [
      'sealed, with records',
      { ...more, stream: stream(8, 8, '1-0', '8-0', AFTER_ALL) },
      { kind: 'work', first: '6-0' },
    ],
    ['sealed and settled', { stream: stream(5, 5, '1-0', '5-0', AFTER_ALL) }, { kind: 'work', first: null }],
  ])('%s', (_name, over, verdict) => expect(judge(view(over), NOW, new Set(['d']))).toEqual(verdict));
});

describe('lagOf', () => {
  it.each<[string, Partial<ShardView>, number]>([
    ['no stream', { stream: null }, 0],
    ['nothing after the checkpoint', {}, 0],
    ['what was added since', more, 3],
    ['at least the one that is there, whatever the counts say', { ...more, entriesRead: 20 }, 1],
  ])('%s', (_name, over, lag) => expect(lagOf(view(over))).toBe(lag));
});

describe('sweepPlan', () => {
  it.each([0, 1, 199, 200, 201, 5_000, 20_000])('sees %i shards within the period', (count) => {
    const plan = sweepPlan(count);
    const calls = Math.max(1, Math.ceil(count / plan.perCall));
    expect(calls * plan.pauseMs).toBeLessThanOrEqual(SWEEP_EVERY_MS);
    expect(plan.pauseMs).toBeGreaterThanOrEqual(SWEEP_PAUSE_MIN_MS);
    expect(plan.pauseMs).toBeLessThanOrEqual(SWEEP_PAUSE_MAX_MS);
  });

  it('never pauses less than its minimum, however many shards there are', () => {
    expect(sweepPlan(10_000_000).pauseMs).toBe(SWEEP_PAUSE_MIN_MS);
  });
});
