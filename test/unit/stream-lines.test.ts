import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, parseLine } from '../../src/commands/stream-lines.ts';
import { PUT_RECORD_BYTES_MAX } from '../../src/limits.ts';

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut into chunks', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '{"x":1}', '\r\n', ' '), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (whole, sizes) => {
        const bytes = Buffer.from(whole);
        const splitter = new LineSplitter();
        const lines: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          lines.push(...splitter.push(bytes.subarray(at, at + size)).map(String));
          at += size;
        }
        lines.push(...splitter.end().map(String));
        const expected = whole.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(lines).toEqual(expected);
      }),
    );
  });

  it('gives up on a line that does not end', () => {
    const splitter = new LineSplitter();
    splitter.push(Buffer.from('1\n2\n'));
    splitter.lineNumber = 3;
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    expect(() => {
      for (let bytes = 0; bytes <= PUT_RECORD_BYTES_MAX; bytes += chunk.length) splitter.push(chunk);
    }).toThrow('line 3 is longer than 16 MB');
  });
});

describe('parseLine', () => {
  const parse = (text: string | Buffer, field?: string, line = 7) => parseLine(Buffer.from(text), line, field);

  it('takes any JSON value as it is, spaces and digits included', () => {
    for (const data of ['{"a" : 1.0}', '[1,2]', '"text"', '12345678901234567890', ' null']) {
      expect(parse(data)).toEqual({ partitionKey: null, data });
    }
    expect(parse('{"a":1}\r')).toEqual({ partitionKey: null, data: '{"a":1}' });
    expect(parse('\ufeff{"a":1}', undefined, 1)).toEqual({ partitionKey: null, data: '{"a":1}' });
  });

  it('skips blank lines', () => {
    for (const blank of ['', '\r', '  \t']) expect(parse(blank, 'k')).toBeNull();
  });

  it('takes text, numbers and booleans as partition keys', () => {
    expect(parse('{"k":"AMS"}', 'k')!.partitionKey).toBe('AMS');
    expect(parse('{"k":12}', 'k')!.partitionKey).toBe('12');
    expect(parse('{"k":false}', 'k')!.partitionKey).toBe('false');
    expect(parse('{"__proto__":"x"}', '__proto__')!.partitionKey).toBe('x');
  });

  it.each([
    ['{"a":', undefined, 'line 7 is not JSON'],
    [Buffer.from([0x22, 0xff, 0x22]), undefined, 'line 7 is not UTF-8 text'],
    ['[1]', 'k', 'line 7 is no JSON object'],
    ['{"a":1}', 'k', 'line 7 has no "k"'],
    ['{"k":null}', 'k', 'line 7 has no "k"'],
    ['{"a":1}', 'toString', 'line 7 has no "toString"'],
    ['{"k":{}}', 'k', 'line 7 has a "k" that is no text or number'],
    ['{"k":""}', 'k', 'line 7 has a "k" of 0 characters'],
    [`{"k":"${'x'.repeat(257)}"}`, 'k', 'line 7 has a "k" of 257 characters'],
    ['\ufeff{}', undefined, 'line 7 is not JSON'],
  ])('refuses %s', (text, field, sentence) => {
    expect(() => parse(text, field)).toThrow(sentence);
  });
});
