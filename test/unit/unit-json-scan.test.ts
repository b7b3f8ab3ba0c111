/** Members and items found in JSON text without parsing it; text that is none gives undefined, whatever stands before it. */
import { describe, expect, test } from 'vitest';
import { findMember, findMembers, listItems, type Span, stringAt, wholeValue } from '../../src/unit/json-scan.ts';

const spanOf = (text: string, from: string): Span => ({ start: text.indexOf(from), end: text.length });
const cutOut = (text: string, span: Span | null | undefined) => span && text.slice(span.start, span.end);
const member = (text: string, name: string) => cutOut(text, findMember(text, { start: 0, end: text.length }, name));

describe('a whole value', () => {
  test('strings end at their own quote, behind any number of backslashes', () => {
    for (const value of ['', '\\', '\\\\', '"', '\\"', '"\\', 'a\\\\"b', ['\\', '"'], { '\\': '\\"' }]) {
      const text = ` ${JSON.stringify(value)}\n`;
      expect(cutOut(text, wholeValue(text)), text).toBe(text.trim());
    }
  });

  test('is exactly one', () => {
    for (const text of ['', ' ', '  ', '"', '"a', '[', '{', ']', '}', ',', '[1', '{"a"', '{"a', '1 2', '[]]', '"a""b"'])
      expect(wholeValue(text), text).toBeUndefined();
  });
});

describe('members', () => {
  test('by names as they are written, with escapes too; the last one of a name counts', () => {
    expect(member('{ "a" : 1 , "b" : [ "}" ] }', 'b')).toBe('[ "}" ]');
    expect(member('{"\\u0061":2}', 'a')).toBe('2');
    expect(member('{"a":1,"\\u0061":2}', 'a')).toBe('2');
    expect(member('{"itemIdentifie\\u0072":"x"}', 'itemIdentifier')).toBe('"x"');
    expect(member('{"aa":1,"":2,"\\u0062":3}', 'a')).toBeNull();
  });

  test('several at once, each its own', () => {
    const text = '{"b":2,"c":3,"a":1,"d":4}';
    expect(findMembers(text, { start: 0, end: text.length }, ['a', 'b'])?.map((span) => cutOut(text, span))).toEqual([
      '1',
      '2',
    ]);
    const other = '{"a":1,"c":3}';
    expect(findMembers(other, { start: 0, end: other.length }, ['a', 'b'])?.[1]).toBeNull();
  });

  test('of what is no object: undefined', () => {
    for (const text of ['{a:1}', '{xa":1}', '{"a"x1}', '{"a":1 x"b":2}', '{"a":1', '{"a":', '{"a', '{1}', '{,}'])
      expect(findMember(text, { start: 0, end: text.length }, 'a'), text).toBeUndefined();
    // Nor is the scan led back to what stands before it.
    for (const [text, from] of [
      [':1}{"a', '{"a'],
      ['}{"a":}', '{"a'],
      [',"a":1}{"b":}', '{"b'],
    ] as const)
      expect(findMember(text, spanOf(text, from), 'x'), text).toBeUndefined();
  });
});

describe('items', () => {
  const items = (text: string, max = 9) => listItems(text, { start: 0, end: text.length }, max);

  test('each from its first character to its last', () => {
    const text = '[ 1 , "a,]" ,[2,3], {"b":"]"} ]';
    expect(items(text)?.map((span) => cutOut(text, span))).toEqual(['1', '"a,]"', '[2,3]', '{"b":"]"}']);
    expect(items('[ ]')).toEqual([]);
    expect([items('[1,2]', 2)?.length, items('[1,2]', 1)]).toEqual([2, undefined]);
  });

  test('of what is no list: undefined', () => {
    for (const text of ['[1,]', '[1 x2]', '[,]', '[1', '[1,', '["a']) expect(items(text), text).toBeUndefined();
    for (const text of ['][1,]', ',1][1,']) expect(listItems(text, spanOf(text, '[1,'), 9), text).toBeUndefined();
  });
});

test('a string literal’s text; undefined: it is none', () => {
  const textOf = (literal: string) => stringAt(literal, { start: 0, end: literal.length });
  expect(textOf('"\\u0061\\n"')).toBe('a\n');
  for (const none of ['1', 'null', '["a"]', '"\\x"', '"\n"']) expect(textOf(none), none).toBeUndefined();
});
