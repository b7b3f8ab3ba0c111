/**
 * Whatever is in a file: an answer within a second, problems with a place and a text, never an exception; what is accepted agrees with
 * the declarations; no secret in any text. FUZZ_RUNS raises the number of runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { CONFIG_FILE_BYTES_MAX } from '../../src/config-limits.ts';
import { configObject } from '../../src/mapping/fields.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { sortProblems } from '../../src/mapping/report.ts';
import type { LoadResult } from '../../src/mapping/types.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 400);
const dir = mkdtempSync(path.join(tmpdir(), 'millrace-fuzz-'));
const file = path.join(dir, 'millrace.yaml');
writeFileSync(path.join(dir, 'handler.ts'), 'export const handler = async () => {};\n');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const SECRET = 'hush-hush-9f8e7d';
const ENV = { SECRET, NUMBER: '7', EMPTY: '' };

const CPU_MS_MAX = 1_000;
/** On a machine where even that is too long, because others share its cores and caches: beside an ordinary file of the largest size. */
const ORDINARY_TIMES_MAX = 2;
const TRIES = 5;

/** Milliseconds of CPU, and what came of it. */
function timed(of = file): [number, LoadResult] {
  const before = process.cpuUsage();
  const result = loadConfig(of, ENV, { memoryBytes: 2 ** 34 });
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1000, result];
}

/** How many times as long as the ordinary file; the least of some pairs, because a collector at work must not decide. */
function timesOrdinary(): number {
  const beside = path.join(dir, 'ordinary.yaml');
  writeFileSync(beside, ordinary());
  return Math.min(...Array.from({ length: TRIES }, () => timed()[0] / timed(beside)[0]));
}

/** Mappings to the largest size of a file, and nothing wrong with them. */
function ordinary(): string {
  const functions = { f: { code: 'handler.ts', handler: 'handler' } };
  const mapping = (stream: string) => ({
    ...{ function: 'f', source: { type: 'redis-stream', stream }, startingPosition: 'LATEST', batchSize: 10 },
  });
  const of = (count: number): string =>
    stringify({
      functions,
      mappings: Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, mapping(`s${i}`)])),
    });
  return of(Math.floor((0.97 * CONFIG_FILE_BYTES_MAX) / (of(1_000).length / 1_000)));
}

function load(content: string | Uint8Array): LoadResult {
  writeFileSync(file, content);
  const [ms, result] = timed();
  if (ms >= CPU_MS_MAX) expect(timesOrdinary()).toBeLessThan(ORDINARY_TIMES_MAX);
  for (const problem of result.problems) {
    expect(problem.line).toBeGreaterThan(0);
    expect(problem.column).toBeGreaterThan(0);
    expect(problem.message).not.toBe('');
    expect(problem.message).not.toMatch(/undefined|\[object|Invalid input/);
    expect(problem.file).toBe(file);
  }
  expect(result.problems).toEqual(sortProblems(result.problems));
  expect(result.config === undefined).toBe(result.problems.some((problem) => problem.severity === 'error'));
  expect(JSON.stringify(result.problems)).not.toContain(SECRET);
  return result;
}

const good = () => ({
  namespace: 'fuzz',
  redis: 'redis://127.0.0.1:6379',
  functions: {
    enrich: {
      code: 'handler.ts',
      handler: 'handler',
      memorySize: 128,
      environment: { A: 'b', S: { secret: '${SECRET}' } },
      network: { allow: ['api.example.com:443'] },
    },
  },
  mappings: {
    clicks: {
      function: 'enrich',
      source: { type: 'redis-stream', stream: 'clicks', trim: 'never' },
      startingPosition: 'TRIM_HORIZON',
      batchSize: 10,
      functionResponseTypes: ['ReportBatchItemFailures'],
      destinationConfig: { onFailure: { type: 'redis-stream', stream: 'failed' } },
    },
  },
});

type Json = Record<string, unknown>;

/** Every place of a value, as a path. */
function places(value: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    ...Object.entries(value).flatMap(([key, inner]) =>
      places(inner, [...at, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function put(root: unknown, at: readonly (string | number)[], change: (old: unknown) => unknown): unknown {
  const [key, ...rest] = at;
  if (key === undefined) return change(root);
  const copy: Json = Array.isArray(root) ? ([...(root as unknown[])] as unknown as Json) : { ...(root as Json) };
  copy[key] = put(copy[key], rest, change);
  return copy;
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    null,
    '',
    'no',
    '${SECRET}',
    '${NUMBER}',
    '${EMPTY}',
    '${NOPE}',
    '${',
    '$${x}',
    'x'.repeat(5000),
    -1,
    0,
    1.5,
    1e300,
    true,
  ),
  fc.string({ unit: 'binary' }),
);

/** Set a value somewhere to something odd, remove it, or give a map one more key. */
const mutation = fc.record({
  place: fc.nat(),
  act: fc.oneof(
    odd.map((value) => () => value),
    fc.constant(() => undefined),
    fc
      .tuple(fc.string({ maxLength: 12 }), odd)
      .map(([key, value]) => (old: unknown) => ({ ...(typeof old === 'object' ? old : {}), [key]: value })),
  ),
});

describe('fuzz', () => {
  it('mutated trees: what is accepted agrees with the declarations', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 0, maxLength: 3 }), (mutations) => {
        const tree = mutations.reduce<unknown>((root, { place, act }) => {
          const all = places(root);
          return put(root, all[place % all.length]!, act);
        }, good());
        const result = load(stringify(tree ?? null));
        if (result.config === undefined) return;
        accepted += 1;
        const asData = JSON.parse(JSON.stringify(tree)) as unknown;
        // References stand for text that the schema cannot judge.
        if (!JSON.stringify(asData).includes('${')) expect(configObject.safeParse(asData).error).toBeUndefined();
      }),
      { numRuns },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it('keys that are called what every object has', () => {
    for (const at of places(good())) {
      for (const name of Object.getOwnPropertyNames(Object.prototype)) {
        const tree = put(good(), at, (old) => ({ ...(typeof old === 'object' ? old : {}), [name]: 'x' }));
        const result = load(stringify(tree));
        // Free names stay free: a variable of the environment may be called so.
        if (!at.includes('environment')) expect(result.config, `${at.join('.')}.${name}`).toBeUndefined();
      }
    }
  });

  it('cut and spliced text', () => {
    const text = stringify(good());
    const piece = fc.constantFrom(
      '[',
      '{',
      '}',
      ']',
      ':',
      '- ',
      '\t',
      '"',
      "'",
      '&a ',
      '*a',
      '<<: ',
      '!!x ',
      '? ',
      '|\n',
      '> ',
      '%',
      '---\n',
      '#',
      '${',
      '\r\n',
      '\ufeff',
      '\u2028',
      '@',
      '`',
      ',',
    );
    const splice = fc.record({ at: fc.nat(text.length), drop: fc.nat(20), add: fc.array(piece, { maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(splice, { minLength: 1, maxLength: 4 }), (splices) => {
        load(splices.reduce((all, { at, drop, add }) => all.slice(0, at) + add.join('') + all.slice(at + drop), text));
      }),
      { numRuns },
    );
  });

  it('bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        load(bytes);
      }),
      { numRuns },
    );
  });

  it.each([
    ['brackets', '['],
    ['braces', '{a: '],
    ['references', 'a: ${'],
    ['more references', '${'],
    ['closed references', '${A}'],
    ['dashes', '- '],
    ['question marks', '? '],
    ['quotes', '"'],
    ['lines', '\n'],
    ['aliases', '*a '],
    ['anchors', '&a '],
    ['colons', 'a:'],
    ['documents', '---\n'],
    ['tags', '!!x '],
    ['directives', '%X\n'],
    ['indentation', ' '],
    ['urls', 'redis://:'],
    ['one key again', 'a: b\n'],
    ['flow pairs', '? a : b, '],
    ['block scalars', '|\n '],
    ['folds', '> a\n\n'],
    ['comments', '# a\n'],
    ['tabs', '\t'],
    ['escapes', '"\\'],
    ['at signs', '://@'],
  ])('the largest file of %s', (_name, unit) => {
    const size = CONFIG_FILE_BYTES_MAX;
    const text = unit.repeat(Math.floor((size - 100) / unit.length));
    load(text);
    load(text.slice(0, 60_000));
    load(`redis: "${text.replaceAll('"', '')}"\n`);
  });

  it('the file that they are compared with is a whole one of that size', () => {
    const text = ordinary();
    expect(text.length).toBeGreaterThan(0.9 * CONFIG_FILE_BYTES_MAX);
    expect(load(text).problems).toEqual([]);
  });
});
