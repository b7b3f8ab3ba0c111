/** The small pure parts: environment references, near misses, times, the configuration hash. */
import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../src/mapping/did-you-mean.ts';
import { interpolate } from '../../src/mapping/interpolate.ts';
import { networkEntryFault, parseTimestamp, redisUrlFault, scrubUrl } from '../../src/mapping/syntax.ts';
import { pathText } from '../../src/mapping/tree.ts';
import { unveil, veil } from '../../src/mapping/veil.ts';

const env = { A: 'alpha', EMPTY: '' };

describe('interpolate', () => {
  it.each([
    ['plain', 'plain'],
    ['${A}', 'alpha'],
    ['<${A}${A}>', '<alphaalpha>'],
    ['${EMPTY}', ''],
    ['${EMPTY:-b}', 'b'],
    ['${NOPE:-}', ''],
    ['${NOPE:-a:-b c}', 'a:-b c'],
    ['$${A}', '${A}'],
    ['$$$${A}', '$$${A}'],
    ['$A $ 5$', '$A $ 5$'],
  ])('%s → %s', (text, value) => {
    expect(interpolate(text, env)).toMatchObject({ value, faults: [] });
  });

  it.each([
    ['${NOPE}', 'env-unset'],
    ['${constructor}', 'env-unset'],
    ['${}', 'env-syntax'],
    ['${A', 'env-syntax'],
    ['${A-b}', 'env-syntax'],
    ['${ A }', 'env-syntax'],
    ['${A:-${B}}', 'env-nested'],
    ['${${A}}', 'env-nested'],
  ])('%s is refused: %s', (text, code) => {
    expect(interpolate(text, env).faults.map((fault) => fault.code)).toEqual([code]);
  });

  it('reports every fault of a text', () => {
    expect(interpolate('${X} ${} ${Y}', env).faults.map((fault) => fault.code)).toEqual([
      'env-unset',
      'env-syntax',
      'env-unset',
    ]);
  });
});

describe('veil', () => {
  it.each([
    '{ a: ${B:-{x}, y: [1] # z} }',
    '${A}${B}',
    '${',
    '${A:-${B}}',
    'no reference',
    '${A:-"}"}',
    '${A\n}',
    '$${A}',
  ])('%s comes back, and is as long', (text) => {
    const veiled = veil(text)!;
    expect(veiled).toHaveLength(text.length);
    expect(unveil(veiled)).toBe(text);
  });

  it('leaves no mark of YAML inside a reference, and touches nothing outside', () => {
    expect(veil('{ a: ${B:-[x], y: 1} }')).toMatch(/^\{ a: \$[^{}[\],:#]+ \}$/);
  });

  it('stands back from texts that use its characters', () => {
    expect(veil('\ue0f0 ${A}')).toBeUndefined();
  });
});

describe('didYouMean', () => {
  const names = ['batchSize', 'startingPosition', 'source', 'function', 'onFailure'];
  it.each([
    ['batchSzie', 'batchSize'],
    ['BATCH_SIZE', 'batchSize'],
    ['startPosition', 'startingPosition'],
    ['sorce', 'source'],
    ['onFail', 'onFailure'],
    ['functon', 'function'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
    ['s'.repeat(100_000), undefined],
  ])('%s → %s', (word, meant) => {
    expect(didYouMean(word, names)).toBe(meant);
  });
});

describe('parseTimestamp', () => {
  it.each([
    ['2026-11-01T00:00:00Z', Date.UTC(2026, 10, 1)],
    ['2026-11-01T01:00+01:00', Date.UTC(2026, 10, 1)],
    ['2024-02-29T00:00:00.5Z', Date.UTC(2024, 1, 29) + 500],
    [1700000000, 1700000000_000],
    [1700000000.25, 1700000000_250],
    ['1700000000', 1700000000_000],
    [0, 0],
    ['2026-02-30T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-11-01', undefined],
    ['2026-11-01T00:00:00', undefined],
    ['now', undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])('%s', (value, ms) => {
    expect(parseTimestamp(value)).toBe(ms);
  });
});

describe('addresses', () => {
  it.each(['redis://h', 'redis://h:1', 'rediss://u:p@h:65535/15', 'redis://:p%40@[::1]:6379', 'redis://h/'])(
    '%s is a Redis URL',
    (url) => {
      expect(redisUrlFault(url)).toBeUndefined();
    },
  );

  it.each([
    'api.example.com:443',
    '*.example.com:443',
    '10.0.0.0/8:80',
    '[::1]:80',
    'fd00::/8:80',
    '[fd00::]/8:80',
    'localhost:1',
    '1.2.3.4:65535',
  ])('%s is an entry of network.allow', (entry) => {
    expect(networkEntryFault(entry)).toBeUndefined();
  });

  it('credentials are replaced in whatever text', () => {
    expect(scrubUrl('see redis://me:pw@h:1/0 and rediss://:x@y')).toBe('see redis://***@h:1/0 and rediss://***@y');
    expect(scrubUrl('redis://:${REDIS_PASSWORD}@h')).toBe('redis://:${REDIS_PASSWORD}@h');
    expect(scrubUrl('redis://:${A}and-more@h')).toBe('redis://***@h');
  });
});

describe('pathText', () => {
  it('is what one would write to get there', () => {
    expect(pathText(['mappings', 'clicks', 'functionResponseTypes', 0])).toBe(
      'mappings.clicks.functionResponseTypes[0]',
    );
    expect(pathText(['functions', 'a.b', 'code'])).toBe('functions["a.b"].code');
    expect(pathText([])).toBe('');
  });
});
