/** Every row of the operator table of filter patterns: what matches, what does not, and which patterns are refused and why. */
import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PatternFault } from '../../src/mapping/pattern/pattern-fault.ts';
import { readPattern } from '../../src/mapping/pattern/read-pattern.ts';
import { valueMatch } from '../../src/filter/value-match.ts';

const matches = (pattern: object, event: unknown) => valueMatch(readPattern(pattern))(event);
const NOT_THERE = Symbol('not there');

/** The values of field `a` that `{ a: list }` matches, and those that it does not. */
interface Row {
  readonly list: readonly unknown[];
  readonly yes: readonly unknown[];
  readonly no: readonly unknown[];
}

const ROWS: Readonly<Record<string, Row>> = {
  'a text': {
    list: ['x'],
    yes: ['x', ['y', 'x'], [['x']]],
    no: ['X', ' x', 'x ', '', null, 5, true, {}, [], NOT_THERE],
  },
  'a text with an emoji and spaces': { list: ['a 🦓 b'], yes: ['a 🦓 b'], no: ['a 🦓  b', 'a b'] },
  'the empty text': { list: [''], yes: [''], no: ['x', null, NOT_THERE, []] },
  'a number': { list: [300], yes: [300, 300.0, 3e2, [1, 300]], no: ['300', 301, null, true] },
  'true and false': { list: [true], yes: [true], no: [false, 'true', 1] },
  null: { list: [null], yes: [null, [null]], no: ['null', NOT_THERE, 0, '', false, {}] },
  'several are alternatives': { list: ['x', 5, { prefix: 'y' }], yes: ['x', 5, 'yes'], no: ['5', 'n', NOT_THERE] },
  'exists true': {
    list: [{ exists: true }],
    yes: ['', 0, null, false, ['x'], [{}, 1]],
    no: [NOT_THERE, {}, { b: 1 }, [], [[]], [{ b: 1 }]],
  },
  'exists false': {
    list: [{ exists: false }],
    yes: [NOT_THERE, {}, { b: 1 }, []],
    no: ['', 0, null, false, ['x']],
  },
  'exists false, or a value': { list: [{ exists: false }, 'x'], yes: [NOT_THERE, 'x'], no: ['y', null] },
  prefix: { list: [{ prefix: 'ab' }], yes: ['ab', 'abc', ['x', 'abc']], no: ['Abc', 'xab', '', 5, null, NOT_THERE] },
  'prefix of nothing': { list: [{ prefix: '' }], yes: ['', 'x'], no: [5, null, NOT_THERE] },
  'prefix in any case': { list: [{ prefix: { 'equals-ignore-case': 'äB' } }], yes: ['ÄBc', 'äbc'], no: ['xäb', 5] },
  suffix: { list: [{ suffix: '.jpg' }], yes: ['a.jpg', '.jpg'], no: ['a.JPG', 'a.jpg ', 5, NOT_THERE] },
  'suffix of nothing': { list: [{ suffix: '' }], yes: ['', 'x'], no: [5, null] },
  'suffix in any case': {
    list: [{ suffix: { 'equals-ignore-case': '.JPG' } }],
    yes: ['a.jpg', 'a.JPg'],
    no: ['a.png'],
  },
  'equals-ignore-case': {
    list: [{ 'equals-ignore-case': 'Straße' }],
    yes: ['straße', 'STRASSE', 'Straße'],
    no: ['strase', 5],
  },
  'equals-ignore-case of nothing': { list: [{ 'equals-ignore-case': '' }], yes: [''], no: [' ', null, NOT_THERE] },
  'anything-but a text': {
    list: [{ 'anything-but': 'x' }],
    yes: ['y', '', 5, null, true, ['x', 'y']],
    no: ['x', ['x'], NOT_THERE, {}, []],
  },
  'anything-but texts': { list: [{ 'anything-but': ['x', 'y'] }], yes: ['z', null, 1], no: ['x', 'y', NOT_THERE] },
  'anything-but a number': { list: [{ 'anything-but': 0 }], yes: [1, '0', null, false], no: [0, -0, NOT_THERE] },
  'anything-but numbers': { list: [{ 'anything-but': [1, 2.5] }], yes: [3, '1'], no: [1, 2.5, 2.5] },
  'anything-but with prefix': {
    list: [{ 'anything-but': { prefix: 'x' } }],
    yes: ['y', 12, null, ''],
    no: ['xy', NOT_THERE],
  },
  'anything-but with prefixes': { list: [{ 'anything-but': { prefix: ['x', 'y'] } }], yes: ['z'], no: ['xa', 'ya'] },
  'anything-but with suffix': {
    list: [{ 'anything-but': { suffix: '.tmp' } }],
    yes: ['a', 12, null],
    no: ['a.tmp', NOT_THERE],
  },
  'anything-but with suffixes': {
    list: [{ 'anything-but': { suffix: ['.a', '.b'] } }],
    yes: ['x.c'],
    no: ['x.a', 'x.b'],
  },
  'anything-but with equals-ignore-case': {
    list: [{ 'anything-but': { 'equals-ignore-case': ['x', 'yes'] } }],
    yes: ['z', null, 5],
    no: ['X', 'YES', NOT_THERE],
  },
  'anything-but with wildcard': {
    list: [{ 'anything-but': { wildcard: ['*/lib/*', ''] } }],
    yes: ['a/b', null],
    no: ['x/lib/y', ''],
  },
  'numeric =': { list: [{ numeric: ['=', 5] }], yes: [5, 5.0, [1, 5]], no: ['5', 5.1, null, NOT_THERE] },
  'numeric >': { list: [{ numeric: ['>', 0] }], yes: [0.1, 1e9], no: [0, -1, '1', null] },
  'numeric >=': { list: [{ numeric: ['>=', -2.5] }], yes: [-2.5, 0], no: [-2.6] },
  'numeric <': { list: [{ numeric: ['<', 10] }], yes: [9.99, -1], no: [10] },
  'numeric <=': { list: [{ numeric: ['<=', 10] }], yes: [10], no: [10.01] },
  'numeric range': { list: [{ numeric: ['>', 0, '<=', 5] }], yes: [0.5, 5], no: [0, 5.5, '3'] },
  'cidr of IPv4': {
    list: [{ cidr: '10.0.0.0/24' }],
    yes: ['10.0.0.255'],
    no: ['10.0.1.0', '10.0.0', 'x', 5, null, '::1'],
  },
  'cidr of all': { list: [{ cidr: '0.0.0.0/0' }], yes: ['1.2.3.4'], no: ['256.1.1.1', '::ffff:1.2.3.4'] },
  'cidr of IPv6': {
    list: [{ cidr: '2001:db8::/32' }],
    yes: ['2001:db8::1', '2001:0DB8:1::'],
    no: ['2001:db9::1', '10.0.0.1'],
  },
  wildcard: { list: [{ wildcard: 'a*c' }], yes: ['ac', 'abc', 'a/b/c', 'acc'], no: ['ab', 'xac', 'acx', 5] },
  'wildcard at both ends': { list: [{ wildcard: '*dir*' }], yes: ['dir', '/a/dir/b', 'dirdir'], no: ['di', ''] },
  'wildcard, no star': { list: [{ wildcard: 'abc' }], yes: ['abc'], no: ['abcd', 'ab'] },
  'wildcard of nothing': { list: [{ wildcard: '' }], yes: [''], no: ['x'] },
  'wildcard alone': { list: [{ wildcard: '*' }], yes: ['', 'x'], no: [5, NOT_THERE] },
  'wildcard whose ends must not overlap': { list: [{ wildcard: 'aba*aba' }], yes: ['abaaba'], no: ['aba', 'ababa'] },
  'wildcard with escapes': { list: [{ wildcard: 'a\\*b*\\\\' }], yes: ['a*b\\', 'a*bx\\'], no: ['axb\\', 'a*b'] },
  'wildcard is literal otherwise': { list: [{ wildcard: 'a.[b]?*' }], yes: ['a.[b]?x'], no: ['aXbY'] },
};

describe('cidr', () => {
  it('takes the addresses that Node takes, and no others', () => {
    const part = fc.oneof(
      fc.nat(300).map(String),
      fc.constantFrom('', '00', '01', '255', '256', ' 1', 'a', '-1', '1e1'),
    );
    const address = fc.array(part, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.'));
    const block = new BlockList();
    block.addSubnet('10.32.0.0', 11, 'ipv4');
    const near = fc.tuple(fc.constantFrom(9, 10), fc.nat(255), fc.nat(255), fc.nat(255)).map((all) => all.join('.'));
    fc.assert(
      fc.property(fc.oneof(address, near), (given) => {
        expect(matches({ a: [{ cidr: '0.0.0.0/0' }] }, { a: given })).toBe(isIPv4(given));
        expect(matches({ a: [{ cidr: '10.32.0.0/11' }] }, { a: given })).toBe(isIPv4(given) && block.check(given));
        expect(matches({ a: [{ cidr: '9.8.7.6/32' }] }, { a: given })).toBe(given === '9.8.7.6');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('operators', () => {
  for (const [name, { list, yes, no }] of Object.entries(ROWS)) {
    it(name, () => {
      const event = (value: unknown) => (value === NOT_THERE ? {} : { a: value });
      for (const value of yes) expect([value, matches({ a: list }, event(value))]).toEqual([value, true]);
      for (const value of no) expect([value, matches({ a: list }, event(value))]).toEqual([value, false]);
    });
  }
});

describe('fields', () => {
  it('are all to match', () => {
    expect(matches({ a: [1], b: [2] }, { a: 1, b: 2 })).toBe(true);
    expect(matches({ a: [1], b: [2] }, { a: 1, b: 3 })).toBe(false);
    expect(matches({ a: { b: { c: ['x'] } } }, { a: { b: { c: 'x', d: 1 } } })).toBe(true);
  });

  it('of objects in a list must match in one of them together', () => {
    const event = {
      a: [
        { x: 1, y: 3 },
        { x: 2, y: 2 },
      ],
    };
    expect(matches({ a: { x: [2], y: [2] } }, event)).toBe(true);
    expect(matches({ a: { x: [1], y: [2] } }, event)).toBe(false);
    expect(matches({ a: { x: [1] } }, { a: [[{ x: 1 }]] })).toBe(true);
  });

  it('with dots are objects within objects, in the pattern and in the record', () => {
    expect(matches({ 'a.b': [1] }, { a: { b: 1 } })).toBe(true);
    expect(matches({ a: { b: [1] } }, { 'a.b': 1 })).toBe(true);
    expect(matches({ 'a.b': [1], a: { c: [2] } }, { a: { b: 1, c: 2 } })).toBe(true);
    expect(matches({ 'a.b': [1], a: { c: [2] } }, { a: { b: 1 } })).toBe(false);
    expect(matches({ a: { b: [1], c: [2] } }, { 'a.b': 1, a: { c: 2 } })).toBe(true);
    expect(matches({ a: { b: { c: [1] } } }, { 'a.b.c': 1 })).toBe(true);
    expect(matches({ a: { b: { c: [1] } } }, { 'a.b': { c: 1 } })).toBe(true);
    expect(matches({ a: { b: [1] } }, JSON.parse('{"a.__proto__":{"b":1}}'))).toBe(false);
  });

  it('that are not there have no parents either', () => {
    expect(matches({ a: { b: [{ exists: false }] } }, {})).toBe(true);
    expect(matches({ a: { b: [{ exists: false }] } }, { a: 'x' })).toBe(true);
    expect(matches({ a: { b: [{ exists: false }] } }, { a: { b: { c: 1 } } })).toBe(true);
    expect(matches({ a: { b: [{ exists: false }] } }, { a: { b: 1 } })).toBe(false);
  });

  it('are a record’s own: nothing is inherited', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      const pattern = JSON.parse(`{"${name}":[{"exists":true}]}`) as object;
      expect(matches(pattern, {})).toBe(false);
      expect(matches(pattern, JSON.parse(`{"${name}":1}`))).toBe(true);
    }
  });

  it('$or is one of several, beside the others', () => {
    const pattern = { a: [1], $or: [{ b: [2] }, { c: { d: [{ prefix: 'x' }] } }] };
    expect(matches(pattern, { a: 1, b: 2 })).toBe(true);
    expect(matches(pattern, { a: 1, c: { d: 'xy' } })).toBe(true);
    expect(matches(pattern, { a: 1, b: 3 })).toBe(false);
    expect(matches(pattern, { b: 2 })).toBe(false);
    expect(matches({ a: { $or: [{ b: [1] }, { b: [2] }] } }, { a: { b: 2 } })).toBe(true);
  });

  it('lists a million levels deep cost neither stack nor an answer', () => {
    const deep: unknown = JSON.parse(`{"a":${'['.repeat(1e6)}1${']'.repeat(1e6)}}`);
    expect(matches({ a: [1] }, deep)).toBe(false);
    expect(matches({ a: { b: [1] } }, deep)).toBe(false);
  });
});

/** What is wrong, as the beginning of the sentence, and where below the pattern. */
const REFUSED: readonly (readonly [pattern: unknown, says: string, at: readonly (string | number)[]])[] = [
  [[], 'must be an object', []],
  [5, 'must be an object', []],
  [{}, 'must name at least one field', []],
  [{ a: {} }, 'must name at least one field', ['a']],
  [{ a: 'x' }, 'must be a list of values', ['a']],
  [{ a: null }, 'must be a list of values', ['a']],
  [{ a: [] }, 'must not be an empty list', ['a']],
  [{ a: [['x']] }, 'a list within a list', ['a', 0]],
  [{ a: [1, {}] }, 'must have exactly one operator', ['a', 1]],
  [{ a: [{ prefix: 'x', suffix: 'y' }] }, 'must have exactly one operator', ['a', 0]],
  [{ a: [{ EXISTS: true }] }, 'there is no operator `EXISTS`', ['a', 0]],
  [{ a: [{ exists: 'true' }] }, '`exists` must be true or false', ['a', 0]],
  [{ a: [{ prefix: 5 }] }, '`prefix` must be a text', ['a', 0]],
  [{ a: [{ prefix: ['x'] }] }, '`prefix` must be a text', ['a', 0]],
  [{ a: [{ suffix: null }] }, '`suffix` must be a text', ['a', 0]],
  [{ a: [{ suffix: { 'equals-ignore-case': 5 } }] }, '`suffix with equals-ignore-case` must be a text', ['a', 0]],
  [{ a: [{ suffix: { prefix: 'x' } }] }, '`suffix` must be a text', ['a', 0]],
  [{ a: [{ 'equals-ignore-case': ['x'] }] }, '`equals-ignore-case` must be a text', ['a', 0]],
  [{ a: [{ 'equals-ignore-case': { prefix: 'x' } }] }, '`equals-ignore-case` must be a text', ['a', 0]],
  [{ a: [{ 'anything-but': null }] }, '`anything-but` must be', ['a', 0]],
  [{ a: [{ 'anything-but': ['x', null] }] }, '`anything-but` must be', ['a', 0]],
  [{ a: [{ 'anything-but': ['x', 5] }] }, '`anything-but` must be', ['a', 0]],
  [{ a: [{ 'anything-but': [] }] }, '`anything-but` must be', ['a', 0]],
  [{ a: [{ 'anything-but': { prefix: 5 } }] }, '`anything-but` with `prefix` must be', ['a', 0]],
  [{ a: [{ 'anything-but': { prefix: '' } }] }, '`anything-but` with `prefix`: the empty text', ['a', 0]],
  [{ a: [{ 'anything-but': { suffix: ['x', null] } }] }, '`anything-but` with `suffix` must be', ['a', 0]],
  [{ a: [{ 'anything-but': { suffix: [] } }] }, '`anything-but` with `suffix` must be', ['a', 0]],
  [
    { a: [{ 'anything-but': { prefix: { 'equals-ignore-case': 'x' } } }] },
    '`anything-but` with `prefix` must be',
    ['a', 0],
  ],
  [
    { a: [{ 'anything-but': { 'equals-ignore-case': 5 } }] },
    '`anything-but` with `equals-ignore-case` must be',
    ['a', 0],
  ],
  [{ a: [{ 'anything-but': { wildcard: 5 } }] }, '`anything-but` with `wildcard` must be', ['a', 0]],
  [{ a: [{ 'anything-but': { numeric: ['=', 1] } }] }, '`anything-but` has no operator `numeric`', ['a', 0]],
  [{ a: [{ numeric: 5 }] }, '`numeric` must be like', ['a', 0]],
  [{ a: [{ numeric: ['='] }] }, '`numeric` must be like', ['a', 0]],
  [{ a: [{ numeric: ['>', 1, '<'] }] }, '`numeric` must be like', ['a', 0]],
  [{ a: [{ numeric: ['>', '1'] }] }, '`numeric` must be like', ['a', 0]],
  [{ a: [{ numeric: ['GT', 1] }] }, '`numeric` must be like', ['a', 0]],
  [{ a: [{ numeric: ['>', 1, '>', 2] }] }, 'a range of `numeric` has its lower bound first', ['a', 0]],
  [{ a: [{ numeric: ['<', 5, '>', 1] }] }, 'a range of `numeric` has its lower bound first', ['a', 0]],
  [{ a: [{ numeric: ['>', 5, '<', 5] }] }, 'the range of `numeric` is empty', ['a', 0]],
  [{ a: [{ cidr: '10.0.0.0' }] }, '`cidr` must be a block', ['a', 0]],
  [{ a: [{ cidr: '10.0.0.0/33' }] }, '`cidr` must be a block', ['a', 0]],
  [{ a: [{ cidr: 'x/8' }] }, '`cidr` must be a block', ['a', 0]],
  [{ a: [{ cidr: ['10.0.0.0/8'] }] }, '`cidr` must be a text', ['a', 0]],
  [{ a: [{ wildcard: 5 }] }, '`wildcard` must be a text', ['a', 0]],
  [{ a: [{ wildcard: ['x*'] }] }, '`wildcard` must be a text', ['a', 0]],
  [{ a: [{ wildcard: 'a**b' }] }, '`wildcard` must not have two stars in a row', ['a', 0]],
  [{ a: [{ wildcard: 'a*'.repeat(11) }] }, '`wildcard` may have at most', ['a', 0]],
  [{ a: [{ wildcard: 'a\\b' }] }, 'after a backslash', ['a', 0]],
  [{ $or: [{ a: [1] }] }, 'must be a list of at least two patterns', ['$or']],
  [{ $or: { a: [1] } }, 'must be a list of at least two patterns', ['$or']],
  [{ $or: [{ a: [1] }, 5] }, 'must be a pattern', ['$or', 1]],
  [{ $or: [{ a: [1] }, { b: 5 }] }, 'must be a list of values', ['$or', 1, 'b']],
  [{ a: [`${'x'.repeat(4_090)}`] }, 'has 4100 characters', []],
  [{ ['a.'.repeat(60) + 'b']: [1] }, 'is nested too deeply', ['a.'.repeat(60) + 'b']],
];

describe('refused with a sentence and its place:', () => {
  const fault = (pattern: unknown): PatternFault | null => {
    try {
      readPattern(pattern);
      return null;
    } catch (error) {
      if (error instanceof PatternFault) return error;
      throw error;
    }
  };
  for (const [pattern, says, at] of REFUSED) {
    it(JSON.stringify(pattern).slice(0, 70), () => {
      const found = fault(pattern);
      expect(found?.message.slice(0, says.length)).toBe(says);
      expect(found?.where.path).toEqual(at);
      if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern)) return;
      // The same as JSON text, where the place is one in that text.
      const inText = fault(JSON.stringify(pattern));
      expect(inText?.message.slice(0, says.length)).toBe(says);
      expect([inText?.where.path, inText?.where.inText]).toEqual([[], at]);
    });
  }

  it('JSON text that is none', () => {
    expect(fault('{"a":')?.message).toMatch(/^is text that is not JSON: /);
    expect(fault('a')?.message).toMatch(/^is text that is not JSON: /);
    expect(fault('5')?.message).toBe('must be an object');
  });

  it('not: a key that is written twice in JSON text, where the last one counts', () => {
    expect(valueMatch(readPattern('{"a":[1],"a":[2]}'))({ a: 2 })).toBe(true);
    expect(valueMatch(readPattern('{"a":[1],"a":[2]}'))({ a: 1 })).toBe(false);
  });
});
