import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { highestOf, laneOf, lowestOf } from '../../src/lanes.ts';
import { compareIds } from '../../src/record.ts';

test('the lane is the 128-bit MD5 of the key modulo the factor', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 10 }), (key, factor) => {
      const md5 = BigInt(`0x${createHash('md5').update(key).digest('hex')}`);
      expect(laneOf(key, factor)).toBe(Number(md5 % BigInt(factor)));
    }),
  );
});

test('keys are spread over all lanes, and records without a key are in one', () => {
  const lanes = new Set(Array.from({ length: 200 }, (_, i) => laneOf(`key-${i}`, 10)));
  expect([...lanes].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(laneOf(null, 10)).toBe(laneOf(null, 10));
});

test('the lowest and the highest position', () => {
  const id = fc.tuple(fc.nat(20), fc.nat(20)).map(([ms, seq]) => ({ checkpoint: `${ms}-${seq}` }));
  fc.assert(
    fc.property(fc.array(id, { minLength: 1, maxLength: 10 }), (lanes) => {
      for (const lane of lanes) {
        expect(compareIds(lowestOf(lanes).checkpoint, lane.checkpoint)).toBeLessThanOrEqual(0);
        expect(compareIds(highestOf(lanes).checkpoint, lane.checkpoint)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
