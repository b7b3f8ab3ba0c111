import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { JobEnd } from '../../src/sandbox/child-process.ts';
import { type EndOfInvocation, outcomeOf, readError } from '../../src/sandbox/outcome.ts';
import { cutBytes, scrub } from '../../src/sandbox/scrub.ts';
import { mapFrame } from '../../src/sandbox/source-map.ts';

const report = { durationMs: 1, maxMemoryUsedMb: 10 };
const base: Omit<EndOfInvocation, 'end'> = {
  killedFor: null,
  requestId: 'r-1',
  timeoutMs: 3_000,
  memorySizeMb: 128,
  secrets: [],
  report,
  mapFrame: (line) => line,
};
const lost: Extract<JobEnd, { kind: 'lost' }> = {
  kind: 'lost',
  code: null,
  signal: 'SIGKILL',
  stderr: '',
  delivered: true,
};

describe('what a lost child means', () => {
  test.each([
    [
      'killed for time',
      lost,
      { killedFor: 'timeout' },
      'timeout',
      'Sandbox.Timedout',
      'RequestId: r-1 Error: Task timed out after 3.00 seconds',
    ],
    [
      'killed for memory',
      lost,
      { killedFor: 'memory', report: { durationMs: 1, maxMemoryUsedMb: 300 } },
      'out_of_memory',
      'Runtime.OutOfMemory',
      '300 MB used, memorySize is 128 MB',
    ],
    [
      'V8 ran out of memory',
      { ...lost, signal: 'SIGABRT', stderr: '\n#\n# Fatal JavaScript out of memory: Ineffective mark-compacts\n#' },
      {},
      'out_of_memory',
      'Runtime.OutOfMemory',
      'memorySize is 128 MB',
    ],
    [
      'killed by somebody',
      lost,
      {},
      'killed',
      'Runtime.ExitError',
      'RequestId: r-1 Error: Runtime exited with error: signal: killed',
    ],
    [
      'killed by the system, because memory ran out',
      lost,
      { report: { durationMs: 1, maxMemoryUsedMb: 180 } },
      'out_of_memory',
      'Runtime.OutOfMemory',
      '180 MB used, memorySize is 128 MB',
    ],
    ['a crash', { ...lost, signal: 'SIGSEGV' }, {}, 'killed', 'Runtime.ExitError', 'signal: segmentation fault'],
    [
      'an exit',
      { ...lost, signal: null, code: 7 },
      {},
      'killed',
      'Runtime.ExitError',
      'Runtime exited with error: exit status 7',
    ],
    [
      'an exit without reason',
      { ...lost, signal: null, code: 0 },
      {},
      'killed',
      'Runtime.ExitError',
      'Runtime exited without providing a reason',
    ],
    [
      'a child that left its protocol',
      lost,
      { killedFor: 'protocol' },
      'killed',
      'Runtime.ExitError',
      'broke out of its protocol',
    ],
  ] as const)('%s', (_name, end, over, metric, errorType, message) => {
    const outcome = outcomeOf({ ...base, ...over, end });
    expect(outcome).toMatchObject({ kind: 'function-error', metric, error: { errorType } });
    expect(JSON.stringify(outcome)).toContain(message);
  });

  test('one that ran out of memory used what it was given, at least', () => {
    const outcome = outcomeOf({ ...base, end: { kind: 'out-of-memory' } });
    expect(outcome).toMatchObject({ report: { maxMemoryUsedMb: 128 } });
  });

  test.each([
    ['closing', { ...base, end: lost, killedFor: 'closing' as const }],
    ['gone before it took the event', { ...base, end: { ...lost, delivered: false } }],
    ['an answer that is none', { ...base, end: { kind: 'initialised' as const } }],
  ])('%s: spends no attempt', (_name, what) => {
    expect(outcomeOf(what).kind).toBe('infrastructure');
  });
});

describe('error payloads from a child', () => {
  const read = (text: string, over: Partial<EndOfInvocation> = {}) => readError(text, { ...base, ...over });

  test.each([
    '',
    'no json',
    '5',
    'null',
    '[]',
    '{}',
    '{"errorType":1,"errorMessage":"","trace":[]}',
    '{"errorType":"","errorMessage":"","trace":[1]}',
    '{"errorType":"","errorMessage":"","trace":{}}',
  ])('%s: not readable', (text) => {
    expect(read(text).errorType).toBe('Runtime.Unknown');
  });

  test('are cut to 4 kB of UTF-8, message and trace each', () => {
    const long = '漢'.repeat(5_000);
    const error = read(
      JSON.stringify({
        errorType: 'E'.repeat(1_000),
        errorMessage: long,
        trace: Array.from({ length: 100 }, () => long),
      }),
    );
    expect(Buffer.byteLength(error.errorMessage)).toBeLessThanOrEqual(4_096);
    expect(error.errorMessage).toMatch(/^漢+$/);
    expect(error.errorType).toHaveLength(256);
    expect(error.trace.reduce((sum, line) => sum + Buffer.byteLength(line), 0)).toBeLessThanOrEqual(4_096);
  });

  test('lose secrets and lines that are not the user’s', () => {
    const error = read(
      JSON.stringify({
        errorType: 'E',
        errorMessage: 'with hunter2hunter2',
        trace: ['E: with hunter2hunter2', '    at ours'],
      }),
      {
        secrets: ['hunter2hunter2'],
        mapFrame: (line) => (line.includes('ours') ? null : line),
      },
    );
    expect(error).toEqual({ errorType: 'E', errorMessage: 'with ***', trace: ['E: with ***'] });
  });
});

test('scrub: only values of 8 characters and more', () => {
  expect(scrub('abc longsecret abc', ['abc', 'longsecret'])).toBe('abc *** abc');
});

test('cutBytes: whole characters', () => {
  expect(cutBytes('aé漢🐝', 4)).toBe('aé');
  expect(cutBytes('aé漢🐝', 6)).toBe('aé漢');
  expect(cutBytes('short', 6)).toBe('short');
});

describe('stacks', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-map-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const mapPath = path.join(directory, 'b.js.map');
  // One segment: generated 1:1 → src/enrich.ts 10:5.
  writeFileSync(
    mapPath,
    JSON.stringify({ version: 3, sources: ['../functions/src/enrich.ts'], names: [], mappings: 'AASI' }),
  );

  test('lines of the bundle are mapped to the user’s source', () => {
    expect(mapFrame('    at handler (/var/task/index.js:1:1)', mapPath)).toBe(
      '    at handler (/var/task/functions/src/enrich.ts:10:5)',
    );
    expect(mapFrame('Error: text', mapPath)).toBe('Error: text');
  });

  test('without a map, or with one that cannot be read, they stay', () => {
    expect(mapFrame('    at /var/task/index.js:3:4', null)).toBe('    at /var/task/index.js:3:4');
    expect(mapFrame('    at /var/task/index.js:3:4', path.join(directory, 'none'))).toBe(
      '    at /var/task/index.js:3:4',
    );
  });

  test.each([
    '    at entry (millrace:bootstrap:1:200)',
    '    at node:internal/timers:5:1',
    '    at (<isolated-vm boundary>)',
  ])('%s is left out', (line) => {
    expect(mapFrame(line, null)).toBeNull();
  });
});
