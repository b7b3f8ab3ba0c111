/** Single places of a source map, read without decoding all of it: the same as Node finds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bundle } from '../../src/esbuild.ts';
import { LOG_LINE_BYTES_MAX, SOURCE_MAP_HEAD_BYTES_MAX } from '../../src/limits.ts';
import { LineMap } from '../../src/sandbox/line-map.ts';
import { mapFrame, mapStacks } from '../../src/sandbox/source-map.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-line-map-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const written = (name: string, text: string): string => {
  const file = path.join(directory, name);
  writeFileSync(file, text);
  return file;
};

describe('places of a bundle of several packages', async () => {
  const result = await bundle({
    entry: `import * as zod from 'zod'; import * as yaml from 'yaml'; globalThis.all = [zod, yaml];`,
    root: path.join(import.meta.dirname, '../..'),
    format: 'esm',
    plugins: [],
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const map = JSON.parse(result.bundle.sourceMap) as SourceMapPayload;
  // As function/bundle.ts writes it.
  const file = written('bundle.js.map', JSON.stringify({ version: 3, sources: map.sources, mappings: map.mappings }));
  const theirs = new SourceMap(map);
  const ours = LineMap.read(file)!;
  const lines = result.bundle.code.split('\n');

  test('are those that Node finds', () => {
    let found = 0;
    // Every 97th line, and of it every 7th column: all parts of the map, at a bearable cost.
    for (let line = 1; line <= lines.length; line += 97) {
      for (let column = 1; column <= lines[line - 1]!.length; column += 7) {
        const expected = theirs.findEntry(line - 1, column - 1);
        const place = ours.find(line, column);
        // Node goes back to earlier lines where this one has nothing before the column.
        if (!('originalSource' in expected) || expected.generatedLine !== line - 1) expect(place).toBeUndefined();
        else {
          found++;
          expect(place).toEqual({
            source: expected.originalSource,
            line: expected.originalLine + 1,
            column: expected.originalColumn + 1,
          });
        }
      }
    }
    expect(lines.length).toBeGreaterThan(10_000);
    expect(found).toBeGreaterThan(500);
  });

  test('beyond its end there are none', () => {
    expect(ours.find(lines.length + 1000, 1)).toBeUndefined();
    expect(ours.find(1, 1_000_000)).toBeUndefined();
  });
});

describe('what is no map is none', () => {
  test.each([
    ['text', 'this is no JSON'],
    ['without mappings', '{"version":3,"sources":[]}'],
    ['with sources that are no texts', '{"version":3,"sources":[1],"mappings":"AAAA"}'],
    [
      'with a list of files that is too long',
      JSON.stringify({ sources: ['x'.repeat(SOURCE_MAP_HEAD_BYTES_MAX)], mappings: 'AAAA' }),
    ],
  ])('%s', (name, text) => {
    const file = written(name, text);
    const read = (): LineMap | null => {
      try {
        return LineMap.read(file);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        return null;
      }
    };
    expect(read()).toBeNull();
    expect(mapFrame('    at x (/var/task/index.js:1:1)', file)).toBe('    at x (/var/task/index.js:1:1)');
  });

  test('nor do wild numbers in it do any harm', () => {
    const file = written(
      'wild',
      JSON.stringify({ version: 3, sources: ['a'], mappings: `${'g'.repeat(4_000)}A,/////////D,AAAAAAAAA;;!` }),
    );
    expect(() => LineMap.read(file)!.find(1, 10)).not.toThrow();
  });
});

describe('a log line', () => {
  const file = written('log', JSON.stringify({ version: 3, sources: ['src/enrich.ts'], mappings: 'AASI' }));

  test('shows the user’s places, wherever they stand in it, and none of ours', () => {
    const text =
      'Error: x\n    at handler (/var/task/index.js:1:1)\n    at run (millrace:bootstrap:4:69)\n{"stack":"at /var/task/index.js:1:3"}';
    expect(mapStacks(text, file, { frames: 10 })).toBe(
      'Error: x\n    at handler (/var/task/src/enrich.ts:10:5)\n{"stack":"at /var/task/src/enrich.ts:10:5"}',
    );
  });

  test('is left alone where it has no place, or none that is known', () => {
    for (const text of ['plain', 'at millrace:bootstrap', '/var/task/index.js:99:1', '/var/task/index.js:99'])
      expect(mapStacks(text, file, { frames: 10 })).toBe(text);
    expect(mapStacks('/var/task/index.js:1:1', null, { frames: 10 })).toBe('/var/task/index.js:1:1');
  });

  test('has as many places mapped as the invocation has left, and stays within its bound', () => {
    const left = { frames: 2 };
    const three = Array(3).fill('/var/task/index.js:1:1').join(' ');
    expect(mapStacks(three, file, left)).toBe(
      '/var/task/src/enrich.ts:10:5 /var/task/src/enrich.ts:10:5 /var/task/index.js:1:1',
    );
    expect(mapStacks(three, file, left)).toBe(three);
    const long = '/var/task/index.js:1:1'.repeat(370);
    expect(Buffer.byteLength(mapStacks(long, file, { frames: 1000 }))).toBeLessThanOrEqual(LOG_LINE_BYTES_MAX);
  });
});
