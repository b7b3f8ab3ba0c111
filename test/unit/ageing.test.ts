/** From when ages count: against a clock that is simply stopped while the shard is paused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Ageing, agesFromMs, parseAgeing, withAges } from '../../src/ageing.ts';

const ids = fc.nat(60).map((n) => `${n}-0`);
const pauses = fc.uniqueArray(fc.nat(60), { maxLength: 8 }).map((moments) => {
  const sorted = moments.toSorted((a, b) => a - b);
  return Array.from({ length: Math.floor(sorted.length / 2) }, (_, i) => [sorted[2 * i]!, sorted[2 * i + 1]!] as const);
});

test('a record is as old as the time since its arrival or rewind in which its shard was not paused', () => {
  const rewound = fc.option(fc.record({ upTo: ids, atMs: fc.nat(60) }));
  fc.assert(
    fc.property(fc.nat(60), fc.nat(60), fc.record({ pauses, rewound }), (n, arrivalMs, ageing: Ageing) => {
      const again = ageing.rewound && n <= Number(ageing.rewound.upTo.split('-')[0]) ? ageing.rewound.atMs : 0;
      const born = Math.max(arrivalMs, again);
      let age = 0;
      for (let ms = born; ms < 100; ms++) if (!ageing.pauses.some(([from, to]) => from <= ms && ms < to)) age++;
      expect(100 - agesFromMs(`${n}-0`, arrivalMs, ageing)).toBe(age);
    }),
    { numRuns: 2_000 },
  );
});

test('without pauses and rewinds records stay as they are', () => {
  const none = parseAgeing({ pauses: undefined, rewoundTo: '', rewoundAt: undefined });
  expect(none).toBeNull();
  const records = [{ id: '5-0', arrivalMs: 5 }];
  expect(withAges(records, none)).toBe(records);
  const ageing = parseAgeing({ pauses: '[[3,9]]', rewoundTo: '4-0', rewoundAt: '7' });
  expect(withAges(records, ageing)).toEqual([{ id: '5-0', arrivalMs: 5, agesFromMs: 9 }]);
});
