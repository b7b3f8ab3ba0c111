/** The rules of tidy.test.ts find what they are there to find. */
import { describe, expect, test } from 'vitest';
import {
  cycles,
  deadFiles,
  programs,
  unusedExports,
  wrongDirections,
  wrongPackages,
} from '../support/house/import-rules.ts';
import {
  leftovers,
  oddities,
  tooLong,
  unusedErrorCodes,
  wrongNames,
  wrongScripts,
} from '../support/house/shape-rules.ts';
import { readSyntax } from '../support/house/syntax.ts';

/** A house of files: path → text. */
function house(files: Readonly<Record<string, string>>) {
  return Object.entries(files).map(([path, text]) => readSyntax({ path, text }));
}

describe('directions', () => {
  const rows: readonly [from: string, to: string, wrong: string | null][] = [
    ['src/cli.ts', 'src/commands/status.ts', null],
    ['src/executor.ts', 'src/unit/draft.ts', null],
    ['src/turn/attempt.ts', 'src/unit/draft.ts', null],
    ['src/unit/draft.ts', 'src/executor.ts', 'station reaches story'],
    ['src/unit/draft.ts', 'src/shard/take.ts', 'station unit knows station shard'],
    ['src/shard/take.ts', 'src/redis/connect.ts', null],
    ['src/redis/connect.ts', 'src/shard/take.ts', 'redis reaches station'],
    ['src/record.ts', 'src/redis/connect.ts', 'vocabulary reaches redis'],
    ['src/cli.ts', 'src/executor.ts', 'cli reaches story'],
    ['connectors/kafka/source.ts', 'src/source/port.ts', null],
    ['connectors/kafka/source.ts', 'src/source/registry.ts', 'connector reaches station'],
    ['connectors/kafka/source.ts', 'connectors/redis-stream/source.ts', 'connector kafka knows connector redis-stream'],
    ['src/source/registry.ts', 'connectors/kafka/source.ts', null],
    ['src/sandbox/child/main.ts', 'src/sandbox/protocol.ts', null],
    [
      'src/sandbox/child/main.ts',
      'src/errors.ts',
      'sandbox/child sees the wire protocol and what it offers the isolate, nothing else',
    ],
    ['src/sandbox/runtime/url.ts', 'src/limits.ts', 'sandbox/runtime runs inside and sees nothing outside'],
  ];
  test.for(rows)('%s → %s', ([from, to, wrong]) => {
    const up = '../'.repeat(from.split('/').length - 1) || './';
    const files = house({ [from]: `import type { A } from '${up}${to}';`, [to]: 'export interface A {}' });
    expect(wrongDirections(files)).toEqual(wrong === null ? [] : [`${from}:1 imports ${to}: ${wrong}`]);
  });

  test('an import without its extension is found', () => {
    expect(wrongDirections(house({ 'src/a.ts': "import { b } from './b';" }))[0]).toContain('no file');
  });

  test('a cycle through types is found', () => {
    const files = house({
      'src/a.ts': "import type { B } from './b.ts'; export interface A { b: B }",
      'src/b.ts': "import type { C } from './c.ts'; export interface B { c: C }",
      'src/c.ts': "export type C = import('./a.ts').A;",
    });
    expect(cycles(files)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  });
});

test('a library outside its place, one unknown, and a builtin without node: are found', () => {
  const files = house({
    'src/unit/a.ts': "import 'bullmq'; import 'left-pad'; import 'fs'; import 'node:fs';",
    'src/queue/b.ts': "import 'bullmq';",
  });
  expect(wrongPackages(files, ['bullmq', 'new-one'])).toEqual([
    'package.json has new-one, which has no place in VENDORS',
    'src/unit/a.ts:1 imports bullmq: its place is ^src\\/queue\\/',
    'src/unit/a.ts:1 imports left-pad: not a dependency of package.json',
    'src/unit/a.ts:1 imports fs: write node:fs',
  ]);
});

test('exports, files and error codes without use are found', () => {
  const files = house({
    'src/cli.ts': "import { used } from './a.ts'; const child = './sandbox/child/main.ts'; throw new E('usage');",
    'src/sandbox/build.ts': `bundle("import { boot } from './isolate/boot.ts'; boot()");`,
    'src/sandbox/isolate/boot.ts': 'export function boot() {} export const more = 1;',
    'src/a.ts':
      'export const used = 1; export const idle = 2; export interface Shape { a: 1 } export function f(s: Shape) {}',
    'src/sandbox/child/main.ts': 'process.exit();',
    'src/dead.ts': "import './deader.ts';",
    'src/deader.ts': '',
    'test/a.test.ts': "import { f } from '../src/a.ts'; import '../src/dead.ts';",
  });
  expect(unusedExports(files)).toEqual([
    'src/sandbox/isolate/boot.ts:1 exports more, which nobody imports',
    'src/a.ts:1 exports idle, which nobody imports',
  ]);
  expect(deadFiles(files, programs(files))).toEqual([
    'src/sandbox/build.ts is part of no program',
    'src/dead.ts is part of no program',
    'src/deader.ts is part of no program',
  ]);
  expect(unusedErrorCodes(files, ['usage', 'never'])).toEqual(['src/errors.ts has never, which nothing raises']);
});

test('long files and functions are found', () => {
  const body = '\n'.repeat(80);
  const files = house({
    'src/a.ts': `const f = () => {${body}};`,
    'src/b.ts': '\n'.repeat(401),
  });
  expect(tooLong(files)).toEqual(['src/a.ts:1 f has 81 lines', 'src/b.ts has 401 lines']);
});

test.for([
  ['any', 'const a = b as any;'],
  ['any', 'function f(a: Array<any>) {}'],
  ['default export', 'export default 1;'],
  ['console', "console.log('x');"],
  ['catch that swallows an error without a reason', 'try { f(); } catch {}'],
  ['test.only', "test.only('x', () => {});"],
  ['describe.skip', "describe.skip('x', () => {});"],
  ['test.skipIf', "test.skipIf(true)('x', () => {});"],
  ['debugger', 'debugger;'],
  ['enum', 'enum A { b }'],
] as const)('found: %s in %s', ([name, text]) => {
  expect(oddities(house({ 'src/a.ts': text }))).toContain(`src/a.ts:1 ${name}`);
});

test('a catch with a reason, and console in a command, are fine; handing on alone is not', () => {
  const fine = house({
    'src/a.ts': 'try { f(); } catch {\n  // Gone already.\n}',
    'src/commands/b.ts': "console.log('x');",
  });
  expect(oddities(fine)).toEqual([]);
  expect(oddities(house({ 'src/c.ts': "export { a } from './a.ts';" }))).toEqual([
    'src/c.ts only hands on what others export',
  ]);
});

test('markers are found in comments, and only there', () => {
  const marker = ['TO', 'DO'].join('');
  expect(leftovers(house({ 'src/a.ts': `const a = '${marker}'; // ${marker}: later` }))).toEqual([
    `src/a.ts:1 ${marker}`,
  ]);
});

test('names that say nothing are found', () => {
  const files = [
    'src/utils.ts',
    'src/helpers/a.ts',
    'src/camelCase.ts',
    'src/unit/index.ts',
    'src/shard/lua/take-N.lua',
    'src/dns-lookup.test.ts',
  ];
  expect(wrongNames(files.map((path) => ({ path, text: '' }))).map((found) => found.split(':')[0])).toEqual(
    files.slice(0, 4),
  );
});

test('Lua files without arity, with a wrong one, or without a header are found', () => {
  const good =
    '-- Moves it.\n-- KEYS[1] the hash\n-- ARGV[1] the value\n-- Returns 1\nreturn redis.call("SET", KEYS[1], ARGV[1])\n';
  const files = [
    { path: 'a/set-1.lua', text: good },
    { path: 'a/set-N.lua', text: good },
    { path: 'a/set.lua', text: good },
    { path: 'a/set-2.lua', text: good },
    { path: 'a/bare-1.lua', text: 'return redis.call("GET", KEYS[1])\n' },
  ];
  expect(wrongScripts(files)).toEqual([
    'a/set.lua: its name does not end with the number of keys',
    'a/set-2.lua: uses 1 keys',
    'a/bare-1.lua: its header does not tell KEYS',
    'a/bare-1.lua: its header does not tell return',
  ]);
});
