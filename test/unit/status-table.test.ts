import { describe, expect, it } from 'vitest';
import { formatLines, formatStatus } from '../../src/commands/status-table.ts';
import { duration } from '../../src/commands/status-words.ts';
import type { FunctionStatus, MappingStatus, ShardStatus, Status } from '../../src/observe/status-types.ts';
import { shardIdOf } from '../../src/record.ts';

const plain = (_style: string, text: string) => text;
const TIME = '2024-11-23T13:53:20.000Z';
const at = (ms: number) => new Date(Date.parse(TIME) + ms).toISOString();

function shard(index: number, more: Partial<ShardStatus> = {}): ShardStatus {
  return {
    ...{
      shardId: shardIdOf(index),
      state: 'idle',
      checkpoint: '173237000000000000000000000000003',
      tail: null,
      lag: 0,
    },
    ...{ iteratorAgeMs: 0, oldestUnsettledAgeMs: 0, owner: null, epoch: null, blocked: null },
    settled: { succeeded: 5, expired: 0, givenUp: 1, filtered: 0, lostBySource: 0, redelivered: 0 },
    ...more,
  };
}

function status(shards: readonly ShardStatus[], more: Partial<MappingStatus> = {}): Status {
  const mapping: MappingStatus = {
    ...{
      name: 'clicks',
      function: 'enrich',
      functionVersion: 'f00dfeedf00dfeed',
      state: 'Enabled',
      lastProcessingResult: 'OK',
    },
    source: { type: 'redis-stream', stream: 'clicks' },
    shards,
    ...more,
  };
  const daemon = {
    id: 'd1',
    host: 'h',
    pid: 7,
    roles: ['poller', 'executor'],
    since: at(-125_000),
    lastSeen: TIME,
    version: '0.1.0',
  };
  return { formatVersion: 1, time: TIME, mappings: [mapping], functions: [], daemons: [daemon] };
}

const NO_LOSSES = { timeout: 0, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 };
const FUNCTION: FunctionStatus = {
  ...{ name: 'enrich', version: 'f00dfeedf00dfeed', children: 1, rssBytes: 80 * 1024 * 1024, coldStarts: 14 },
  ...{ lost: NO_LOSSES, lastLoss: null, slowedUntil: null, delayMs: 0 },
};

describe('the functions of status', () => {
  it('are a line each while they are well', () => {
    const text = formatStatus({ ...status([]), functions: [FUNCTION] }, plain);
    expect(text).toContain('\nFunctions\n  enrich@f00dfeedf00d  1 process, 80 MB, 14 cold starts\n\nDaemons\n');
  });

  it('say who lost processes, why, how often, and when the next one starts', () => {
    const lost = { ...NO_LOSSES, timeout: 3, startFailed: 10 };
    const lastLoss = {
      ...{
        time: at(-4_000),
        reason: 'timeout' as const,
        errorType: 'Sandbox.Timedout',
        errorMessage: 'took\ntoo long',
      },
      ...{ mapping: 'clicks', shardId: shardIdOf(2) },
    };
    const slowed = { ...FUNCTION, children: 0, lost, lastLoss, slowedUntil: at(3_000), delayMs: 8_000 };
    const text = formatStatus({ ...status([]), functions: [slowed] }, plain);
    expect(text.split('\n').map((line) => line.trim())).toEqual(
      expect.arrayContaining([
        'enrich@f00dfeedf00d  0 processes, 80 MB, 14 cold starts',
        `lost processes: 3 by timeout, 10 while loading; the last 4.0 s ago (clicks ${shardIdOf(2)})`,
        'Sandbox.Timedout: took',
        'slowed: the next process starts in 3.0 s, one every 8.0 s',
      ]),
    );
  });
});

describe('the table of status', () => {
  it('shows every shard, and of a blocked one everything that is known', () => {
    const blocked = {
      ...{ sequenceNumber: '173237000000000000000000000000004', partitionKey: 'AMS', since: at(-12_000), attempts: 4 },
      ...{ requestId: 'r', recordsInUnit: 3, lastError: { errorType: 'TypeError', errorMessage: 'no\nsecond line' } },
      ...{ nextAttemptAt: at(3_200), expiresAt: at(86_000_000), recordsBehind: 120, nextExpiryBehind: at(86_400_000) },
    };
    const text = formatStatus(
      status(
        [
          shard(0, { state: 'running', lag: 12, iteratorAgeMs: 80, oldestUnsettledAgeMs: 1_500, owner: 'd1' }),
          shard(1, { state: 'blocked', lag: 123, iteratorAgeMs: 12_000, oldestUnsettledAgeMs: 13_000, blocked }),
        ],
        { lastProcessingResult: 'PROBLEM: Function call failed' },
      ),
      plain,
    );
    expect(text).toBe(`clicks  redis-stream clicks → enrich@f00dfeedf00d  Enabled, PROBLEM: Function call failed
  SHARD                 STATE    CHECKPOINT                         LAG  ITERATOR AGE  OLDEST  OWNER
  shardId-000000000000  running  173237000000000000000000000000003   12         80 ms   1.5 s  d1
  shardId-000000000001  blocked  173237000000000000000000000000003  123          12 s    13 s  -
      blocked at 173237000000000000000000000000004 (partition key "AMS") for 12 s: 4 attempts, 3 records in the unit
      TypeError: no
      next attempt in 3.2 s, expires in 23 h 53 min; 120 records behind, the next of them expires in 1 d

Daemons
  d1  h:7  poller,executor  0.1.0  up 2 min 5 s
`);
  });

  it('says why nothing can be settled, what never expires, and what is due', () => {
    const blocked = {
      ...{ sequenceNumber: '1', partitionKey: null, since: at(-1_000), attempts: 1, requestId: null, recordsInUnit: 1 },
      ...{ lastError: { errorType: 'E', errorMessage: 'm' }, nextAttemptAt: TIME, expiresAt: null, recordsBehind: 1 },
      nextExpiryBehind: null,
    };
    const text = formatStatus(status([shard(0, { state: 'blocked', why: 'failure-stream-full', blocked })]), plain);
    expect(text).toContain('blocked at 1 for 1.0 s: 1 attempt\n');
    expect(text).toContain('failure-stream-full: nothing is given up without its notice\n');
    expect(text).toContain('next attempt now, never expires; 1 record behind\n');
  });

  it('sums up what needs no look when there are many shards', () => {
    const shards = Array.from({ length: 100 }, (_, i) => shard(i, i === 77 ? { state: 'waiting', lag: 9 } : {}));
    const text = formatStatus(status(shards), plain);
    expect(text).toContain('shardId-000000000077');
    expect(text).toContain('  and 60 idle, lag 0 (--json shows all)\n');
    expect(text.split('\n').filter((line) => line.includes('shardId-'))).toHaveLength(40);
  });

  it('says when there is nothing, no shard, no daemon, or a conflict', () => {
    const empty = formatStatus({ ...status([]), mappings: [], daemons: [] }, plain);
    expect(empty).toContain('No mapping has state here yet');
    expect(empty).toContain('No daemon is alive.');
    const conflicting = status([]);
    const text = formatStatus(
      { ...conflicting, daemons: [{ ...conflicting.daemons[0]!, conflicts: ['clicks'] }] },
      plain,
    );
    expect(text).toContain('no shard yet: waiting for the stream');
    expect(text).toContain('config-conflict: mapping clicks');
  });

  it('says where outputs go and who is waited for', () => {
    const place = { type: 'redis-stream', stream: 'enriched' } as const;
    const output = { ...place, unsettled: 120, maxUnsettled: 100, waitsFor: 'archive' };
    const line = 'output to enriched: 120 unsettled there of at most 100, waits for archive';
    expect(formatStatus(status([shard(0)], { output }), plain)).toContain(line);
    const free = formatStatus(status([shard(0)], { output: { ...output, maxUnsettled: null, waitsFor: null } }), plain);
    expect(free).toContain('output to enriched: 120 unsettled there\n');
    const topic = { ...output, type: 'kafka-topic', connection: 'events', topic: 'enriched' } as const;
    const away = formatStatus(status([shard(0)], { output: { ...topic, waitsFor: 'events/enriched' } }), plain);
    expect(away).toContain(
      'output to events/enriched: 120 to be sent of at most 100 a shard, waits for events/enriched',
    );
    const unsent = { messages: 120, since: '2026-01-01T00:00:00.000Z', lastError: 'there is no topic enriched' };
    expect(formatStatus(status([shard(0, { unsent })], { output: topic }), plain)).toMatch(
      /120 outputs to be sent, the oldest for .*: there is no topic enriched/,
    );
  });

  it('says what is redriven: what failed again first, and where something is in the way', () => {
    const waits = { state: 'waiting', notices: 2, blocked: null } as const;
    const many = Array.from({ length: 9 }, (_, i) => ({ ...waits, shardId: shardIdOf(i) }));
    const failed = {
      ...{ notice: '1732370000000-0', sequenceNumber: '173237000000000000000000000000003', since: at(-4_000) },
      ...{
        attempts: 3,
        requestId: 'r',
        recordsInUnit: 5,
        lastError: { errorType: 'Error', errorMessage: 'bad\nat x' },
      },
      ...{ nextAttemptAt: at(2_000), expiresAt: at(60_000) },
    };
    const blocked = { ...waits, shardId: shardIdOf(9), state: 'blocked', notices: 1, blocked: failed } as const;
    const text = formatStatus(status([shard(0)], { redrives: [...many, blocked] }), plain);
    const lines = text.split('\n').map((line) => line.trim());
    expect(lines.slice(1, 6)).toEqual([
      `redrive of ${shardIdOf(9)}, blocked: 1 notice to run`,
      'blocked at 173237000000000000000000000000003 of notice 1732370000000-0 for 4.0 s: 3 attempts, 5 records in the unit',
      'Error: bad',
      'next attempt in 2.0 s, expires in 1 min',
      `redrive of ${shardIdOf(0)}, waiting: 2 notices to run`,
    ]);
    expect(lines).toContain('redrives of 2 more shards, 4 notices');
    const refused = { ...waits, shardId: shardIdOf(0), state: 'blocked', why: 'the ACL refuses XDEL on s' } as const;
    expect(formatStatus(status([shard(0)], { redrives: [refused] }), plain)).toContain(
      `redrive of ${shardIdOf(0)}, blocked: 2 notices to run\n      the ACL refuses XDEL on s\n`,
    );
  });

  it('says why the source cannot be read, each reason once', () => {
    const [reason, other] = ['User:alice may not read the topic orders', 'no broker answers'];
    const sourceProblems = [...['d1', 'd2'].map((daemon) => ({ daemon, reason })), { daemon: 'd3', reason: other }];
    const lines = `  source cannot be read: ${reason} (d1, d2)\n  source cannot be read: ${other} (d3)\n`;
    for (const shards of [[], [shard(0)]])
      expect(formatStatus(status(shards, { sourceProblems }), plain)).toContain(lines);
  });

  it('is one line per mapping where lines are wanted', () => {
    const shards = [shard(0, { lag: 3, oldestUnsettledAgeMs: 61_000 }), shard(1, { lag: 4 })];
    expect(formatLines(status(shards))).toBe(
      `${TIME} clicks state=Enabled shards=2 blocked=0 lag=7 oldest=1 min 1 s succeeded=10 expired=0 givenUp=2 lostBySource=0\n`,
    );
  });
});

it.each([
  [-5, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [9_994, '10.0 s'],
  [10_000, '10 s'],
  [60_000, '1 min'],
  [3_725_000, '1 h 2 min'],
  [90_000_000, '1 d 1 h'],
])('writes %d ms as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
