/** The checker of windows finds what is wrong, and nothing else. */
import { expect, test } from 'vitest';
import { checkWindows, type WindowSum } from './check-windows.ts';

const SPEC = { mapping: 'sums', lengthMs: 1_000 };
const INPUTS = [
  {
    shardId: 'a',
    records: [
      { ms: 5_000, value: 1 },
      { ms: 5_999, value: 2 },
      { ms: 6_000, value: 4 },
    ],
  },
  { shardId: 'b', records: [{ ms: 5_500, value: 8 }] },
];
const of = (window: string, records: number, sum: number): WindowSum => ({
  origin: `sums/${window}/0`,
  data: JSON.stringify({ records, sum }),
});
const RIGHT = [of('a/1/w5000', 2, 3), of('a/1/w6000', 1, 4), of('b/1/w5000', 1, 8)];
const kinds = (...outputs: WindowSum[]) => checkWindows(SPEC, INPUTS, outputs).map(({ kind }) => kind);

test('nothing is wrong with each window once, in one part or several', () => {
  expect(kinds(...RIGHT)).toEqual([]);
  expect(kinds(of('a/1/w5000', 1, 1), of('a/1/w5000.1', 1, 2), ...RIGHT.slice(1))).toEqual([]);
});

test.each([
  ['lost', RIGHT.slice(1)],
  ['doubled', [...RIGHT, RIGHT[0]!]],
  ['stray', [...RIGHT, of('a/1/w7000', 0, 0)]],
  ['stray', [...RIGHT, of('a/2/w5000', 2, 3)]],
  ['part', [of('a/1/w5000.1', 2, 3), ...RIGHT.slice(1)]],
  ['sum', [of('a/1/w5000', 2, 4), ...RIGHT.slice(1)]],
  ['sum', [of('a/1/w5000', 3, 3), ...RIGHT.slice(1)]],
])('%s', (kind, outputs) => {
  expect(kinds(...outputs)).toEqual([kind]);
});
