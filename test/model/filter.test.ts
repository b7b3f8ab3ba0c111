/** The compiled filter beside the plain evaluator, on patterns and events from a small alphabet, so that both answers are frequent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { valueMatch } from '../../src/filter/value-match.ts';
import { readPattern } from '../../src/mapping/pattern/read-pattern.ts';
import { type JsonObject, plainMatch } from './filter-model.ts';

const name = fc.constantFrom('a', 'a', 'b', 'constructor');
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '/'), maxLength: 4 });
const number = fc.constantFrom(-1, 0, 0.5, 1, 2);
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });

const wildcard = fc.array(text, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('*').replace(/\*+/g, '*'));
const range = fc
  .tuple(fc.constantFrom('>', '>='), fc.constantFrom(-1, 0), fc.constantFrom('<', '<='), fc.constantFrom(1, 2))
  .map((all) => [...all]);
const numeric = fc.oneof(
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number).map((pair) => [...pair]),
  range,
);
const but = fc.oneof(
  text,
  number,
  some(text),
  some(number),
  fc.oneof(text, some(text)).map((one) => ({ 'equals-ignore-case': one })),
  fc.oneof(wildcard, some(wildcard)).map((one) => ({ wildcard: one })),
  some(text.filter((one) => one !== '')).map((prefix) => ({ prefix })),
  some(text.filter((one) => one !== '')).map((suffix) => ({ suffix })),
);
const affix = fc.oneof(
  text,
  text.map((one) => ({ 'equals-ignore-case': one })),
);
const test = fc.oneof(
  scalar,
  fc.boolean().map((exists) => ({ exists })),
  affix.map((prefix) => ({ prefix })),
  affix.map((suffix) => ({ suffix })),
  text.map((one) => ({ 'equals-ignore-case': one })),
  wildcard.map((one) => ({ wildcard: one })),
  numeric.map((one) => ({ numeric: one })),
  but.map((one) => ({ 'anything-but': one })),
);

/** So many levels of objects at most. */
function patternOf(depth: number): fc.Arbitrary<JsonObject> {
  const leaf = fc.array(test, { minLength: 1, maxLength: 2 });
  const inner = depth === 0 ? leaf : fc.oneof(leaf, patternOf(depth - 1));
  const fields = fc.dictionary(name, inner, { minKeys: 1, maxKeys: 2 });
  if (depth === 0) return fields as fc.Arbitrary<JsonObject>;
  const either = fc.array(patternOf(depth - 1), { minLength: 2, maxLength: 2 });
  return fc
    .tuple(fields, fc.option(either, { freq: 4, nil: undefined }))
    .map(([own, $or]) => ({ ...own, ...($or === undefined ? {} : { $or }) }) as JsonObject);
}
function valueOf(depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return scalar;
  const inner = valueOf(depth - 1);
  return fc.oneof(scalar, fc.array(inner, { maxLength: 3 }), fc.dictionary(name, inner, { minKeys: 2, maxKeys: 3 }));
}
const pattern = patternOf(2);
const value = valueOf(3);

describe('a filter', () => {
  it('matches what the plain evaluator matches, whatever the pattern and the event', () => {
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(pattern, fc.dictionary(name, value, { minKeys: 1, maxKeys: 3 }), (written, given) => {
        // As it comes from JSON: no undefined, every object an ordinary one.
        const event = JSON.parse(JSON.stringify(given)) as JsonObject;
        const expected = plainMatch(written, event);
        seen[expected ? 'yes' : 'no']++;
        expect(valueMatch(readPattern(written))(event)).toBe(expected);
        expect(valueMatch(readPattern(JSON.stringify(written)))(event)).toBe(expected);
      }),
      { numRuns: 15_000 },
    );
    // Else the property says little.
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(200);
  }, 60_000);

  it('tests a value, or a list of them, as the plain evaluator does', () => {
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(fc.array(test, { minLength: 1, maxLength: 2 }), valueOf(1), (tests, given) => {
        const [written, event] = [{ a: tests } as JsonObject, { a: given } as JsonObject];
        const expected = plainMatch(written, event);
        seen[expected ? 'yes' : 'no']++;
        expect(valueMatch(readPattern(written))(event)).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(1_000);
  }, 60_000);

  it('says the same of dotted names as of objects within objects', () => {
    const dotted = (object: JsonObject, leafOf: (value: unknown) => boolean): JsonObject =>
      Object.fromEntries(
        Object.entries(object).flatMap(([key, inner]) => {
          if (key === '$or' || leafOf(inner)) return [[key, inner]];
          const below = dotted(inner as JsonObject, leafOf);
          return Object.keys(below).includes('$or')
            ? [[key, inner]]
            : Object.entries(below).map(([name, one]) => [`${key}.${name}`, one]);
        }),
      );
    const isEmpty = (one: unknown) => typeof one === 'object' && one !== null && Object.keys(one).length === 0;
    const noObject = (one: unknown) => typeof one !== 'object' || one === null || Array.isArray(one) || isEmpty(one);
    fc.assert(
      fc.property(pattern, fc.dictionary(name, value, { minKeys: 1, maxKeys: 3 }), (written, given) => {
        const event = JSON.parse(JSON.stringify(given)) as JsonObject;
        const expected = plainMatch(written, event);
        expect(valueMatch(readPattern(dotted(written, Array.isArray)))(event)).toBe(expected);
        expect(valueMatch(readPattern(written))(dotted(event, noObject))).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  }, 60_000);
});
