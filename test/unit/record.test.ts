import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIds, nextId, parsePosition, previousId, toSequenceNumber } from '../../src/record.ts';

const MAX = 18446744073709551615n;
/** All sizes, and often the ends of the space and of Lua's and JavaScript's exact numbers. */
const part = fc.oneof(
  fc.bigInt({ min: 0n, max: MAX }),
  fc.bigInt({ min: 0n, max: 20n }),
  fc.constantFrom(0n, 1n, 9n, 10n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, MAX - 1n, MAX),
);
const pair = fc.tuple(part, part);
const idOf = ([ms, seq]: readonly [bigint, bigint]) => `${ms}-${seq}`;
const numberOf = ([ms, seq]: readonly [bigint, bigint]) => ms * (MAX + 1n) + seq;
const sign = (n: number | bigint) => (n > 0 ? 1 : n < 0 ? -1 : 0);

describe('entry ids over the whole 64-bit space', () => {
  it('order as (ms, seq)', () => {
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        expect(sign(compareIds(idOf(a), idOf(b)))).toBe(sign(numberOf(a) - numberOf(b)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('nextId and previousId are one step, and undo each other', () => {
    fc.assert(
      fc.property(pair, (a) => {
        if (numberOf(a) < numberOf([MAX, MAX])) {
          const next = nextId(idOf(a));
          const [ms, seq] = next.split('-').map(BigInt) as [bigint, bigint];
          expect(numberOf([ms, seq])).toBe(numberOf(a) + 1n);
          expect(previousId(next)).toBe(idOf(a));
        }
      }),
      { numRuns: 2_000 },
    );
    expect(previousId('0-0')).toBe('0-0');
    expect(previousId('5-0')).toBe(`4-${MAX}`);
    expect(nextId(`4-${MAX}`)).toBe('5-0');
  });
});

describe('sequence numbers', () => {
  it('read back as the id they were made of, and sort as numbers', () => {
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        expect(parsePosition(toSequenceNumber(idOf(a)))).toBe(idOf(a));
        expect(parsePosition(idOf(a))).toBe(idOf(a));
        const order = BigInt(toSequenceNumber(idOf(a))) - BigInt(toSequenceNumber(idOf(b)));
        expect(sign(order)).toBe(sign(compareIds(idOf(a), idOf(b))));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is the contract's example", () => {
    expect(toSequenceNumber('1732370000000-3')).toBe('173237000000000000000000000000003');
  });

  it.each([
    '',
    '5',
    '5-',
    '-5',
    '05-1',
    '5-01',
    ' 5-1',
    '5-1 ',
    `${MAX + 1n}-0`,
    `0-${MAX + 1n}`,
    '1'.repeat(41),
    '9'.repeat(40),
    '1e30',
    '+1-1',
  ])('refuses %j', (text) => expect(parsePosition(text)).toBeUndefined());
});
