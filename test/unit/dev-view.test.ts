/** `millrace dev`: what it makes of a status, and how that gets onto a terminal. */
import { describe, expect, test } from 'vitest';
import { logLineText } from '../../src/commands/dev/log-line.ts';
import { isDrained, Progress } from '../../src/commands/dev/progress.ts';
import { Screen } from '../../src/commands/dev/screen.ts';
import { plainLines, viewLines } from '../../src/commands/dev/view.ts';
import type { BlockedStatus, ShardStatus, Status } from '../../src/observe/status-types.ts';
import { shardIdOf } from '../../src/record.ts';

const NOW = Date.parse('2026-01-01T00:00:00.000Z');

function shard(index: number, of: Partial<ShardStatus> & { readonly succeeded?: number } = {}): ShardStatus {
  const { succeeded = 0, ...rest } = of;
  return {
    ...{ shardId: shardIdOf(index), state: 'idle', checkpoint: null, tail: null, lag: 0, iteratorAgeMs: 0 },
    ...{ oldestUnsettledAgeMs: 0, owner: null, epoch: null, blocked: null },
    settled: { succeeded, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0, redelivered: 0 },
    ...rest,
  };
}

const BLOCKED: BlockedStatus = {
  ...{
    sequenceNumber: '173237000000000000000000000000003',
    partitionKey: 'AMS',
    since: new Date(NOW - 1_000).toISOString(),
  },
  ...{
    attempts: 3,
    requestId: 'r',
    recordsInUnit: 1,
    lastError: { errorType: 'TypeError', errorMessage: 'no\n  distance' },
  },
  ...{
    nextAttemptAt: new Date(NOW + 800).toISOString(),
    expiresAt: null,
    recordsBehind: 1_234,
    nextExpiryBehind: null,
  },
};

function status(atMs: number, shards: readonly ShardStatus[], name = 'clicks'): Status {
  const source = { type: 'redis-stream', stream: 's' };
  const mapping = {
    name,
    function: 'f',
    functionVersion: 'v',
    source,
    state: 'Enabled',
    lastProcessingResult: 'OK',
    shards,
  } as const;
  return {
    formatVersion: 1,
    time: new Date(NOW + atMs).toISOString(),
    mappings: [mapping],
    functions: [],
    daemons: [],
  };
}

const plain = { columns: 120, rows: 40, paint: (_: string, text: string) => text };

function view(shards: readonly ShardStatus[], more: object = {}) {
  const mappings = new Progress().next(status(0, shards));
  return { title: 'millrace.yaml', elapsedMs: 65_000, nowMs: NOW, mappings, footer: ['Redis here'], ...more };
}

describe('progress', () => {
  test('rates are per second, over the last two seconds', () => {
    const progress = new Progress();
    progress.next(status(0, [shard(0, { succeeded: 0 })]));
    const [first] = progress.next(status(1_000, [shard(0, { succeeded: 500 })]));
    expect(first).toMatchObject({ settled: 500, perRun: 500, perSecond: 500 });
    progress.next(status(2_000, [shard(0, { succeeded: 1_000 })]));
    progress.next(status(3_000, [shard(0, { succeeded: 1_000 })]));
    const [last] = progress.next(status(4_000, [shard(0, { succeeded: 1_000 })]));
    expect(last).toMatchObject({ settled: 1_000, perRun: 1_000, perSecond: 0 });
  });

  test('what was settled before the run is in the total alone', () => {
    const progress = new Progress();
    progress.next(status(0, [shard(0, { succeeded: 900 })]));
    expect(progress.next(status(1_000, [shard(0, { succeeded: 1_000 })]))[0]).toMatchObject({
      settled: 1_000,
      perRun: 100,
    });
  });

  test.for([
    ['every shard is idle at its end', [shard(0), shard(1, { state: 'closed' })], true],
    ['one has records left', [shard(0), shard(1, { lag: 1 })], false],
    ['one runs', [shard(0, { state: 'running' })], false],
    ['one waits for its parent', [shard(0), shard(1, { state: 'pending-parent' })], false],
    ['one is blocked', [shard(0, { state: 'blocked', blocked: BLOCKED })], false],
    ['no shard is known yet', [], false],
  ] as const)('drained when %s: %s', ([, shards, drained]) => {
    expect(isDrained(status(0, shards), ['clicks'])).toBe(drained);
    expect(isDrained(status(0, shards), ['clicks', 'orders'])).toBe(false);
  });
});

describe('view', () => {
  test('tells of each shard: state, position, settled, rate, lag; of a blocked one first, which record, why, and when next', () => {
    const shards = [
      shard(0, { succeeded: 20_000, checkpoint: '17' }),
      shard(1, { state: 'blocked', lag: 1_235, blocked: BLOCKED }),
    ];
    expect(viewLines(view(shards), { ...plain, columns: 200 })).toEqual([
      'millrace dev  millrace.yaml  01:05',
      'clicks  2 shards, 20,000 settled, 0 per s, lag 1,235',
      '  shard                 state         position                                 settled    per s      lag',
      '  shardId-000000000001  blocked       -                                              0        0    1,235',
      '    AMS 173237000000000000000000000000003: 3 attempts, next in 0.8 s, 1,234 behind it: TypeError: no distance',
      '  shardId-000000000000  idle          17                                        20,000        0        0',
      'Redis here',
    ]);
  });

  test('fits the terminal, however many shards and however long the error', () => {
    const long = { ...BLOCKED, lastError: { errorType: 'E', errorMessage: 'x'.repeat(5_000) } };
    const shards = Array.from({ length: 500 }, (_, index) => shard(index, index % 2 === 0 ? {} : { blocked: long }));
    const lines = viewLines(view(shards), { ...plain, rows: 24, columns: 60 });
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines.slice(2)) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines.join('\n')).toMatch(/… and \d+ more shards/);
  });

  test('without a terminal it is one line per mapping', () => {
    const shards = [0, 1, 2, 3].map((index) => shard(index, { blocked: BLOCKED }));
    const [line, ...others] = plainLines(view(shards));
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^01:05 clicks: 4 shards, 0 settled, .*shardId-000000000000 blocked by AMS .*; 2 more blocked$/,
    );
  });
});

/** A terminal that understands what Screen writes: up, clear below, lines. */
class FakeTerminal {
  readonly isTTY = true;
  readonly columns = 80;
  readonly rows = 24;
  lines: string[] = [];
  write(text: string): void {
    const moved = /^\x1b\[(\d+)A\r\x1b\[J/.exec(text);
    if (moved) this.lines.length -= Number(moved[1]);
    const rest = text.slice(moved?.[0].length ?? 0);
    if (rest !== '') this.lines.push(...rest.split('\n').slice(0, -1));
  }
}

describe('screen', () => {
  test('the region is drawn anew in its place, with the log above it', () => {
    const terminal = new FakeTerminal();
    const screen = new Screen(terminal);
    screen.draw(['a', 'b']);
    screen.log('log 1');
    screen.draw(['c']);
    screen.print(['kept']);
    expect(terminal.lines).toEqual(['log 1', 'kept', 'c']);
    screen.finish();
    screen.print(['summary']);
    expect(terminal.lines).toEqual(['log 1', 'kept', 'c', 'summary']);
  });

  test('a flood of log lines is cut, and counted', () => {
    const terminal = new FakeTerminal();
    const screen = new Screen(terminal);
    for (let n = 0; n < 1_000; n += 1) screen.log(`line ${n}`);
    screen.draw(['region']);
    expect(terminal.lines.slice(-2)).toEqual(['… and 988 more log lines', 'region']);
    expect(terminal.lines).toHaveLength(14);
    screen.log('again');
    expect(terminal.lines.slice(-2)).toEqual(['again', 'region']);
  });

  test('without a terminal every line is written, and nothing is drawn', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) });
    for (let n = 0; n < 100; n += 1) screen.log(`line ${n}`);
    screen.draw(['region']);
    expect(written.join('')).toBe(Array.from({ length: 100 }, (_, n) => `line ${n}\n`).join(''));
  });
});

describe('log lines', () => {
  const time = '2026-01-01T10:11:12.000Z';
  test.for([
    [{ level: 'info', time, msg: 'hello', mapping: 'm', shard: 's', stream: 'handler' }, '10:11:12 info  m/s hello'],
    [{ level: 'warn', time, msg: 'two\n  lines' }, '10:11:12 warn  two ⏎ lines'],
    [{ level: 'error', time, msg: 'failed', err: { message: 'why' } }, '10:11:12 error failed: why'],
    [{ level: 'info', time, msg: 'ready' }, null],
  ] as const)('%j', ([line, text]) => {
    expect(logLineText(JSON.stringify(line))).toBe(text);
  });
  test('what is no JSON is shown as it is', () => expect(logLineText('oops\n')).toBe('error oops'));
});
