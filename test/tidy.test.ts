/** The house as architecture.md §4 draws it. What the rules are able to find is shown by unit/house-rules.test.ts. */
import { check, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { ERRORS } from '../src/errors.ts';
import { VERSION } from '../src/version.ts';
import { readHouse, ROOT } from './support/house/files.ts';
import {
  cycles,
  deadFiles,
  programs,
  unusedExports,
  wrongDirections,
  wrongPackages,
} from './support/house/import-rules.ts';
import {
  leftovers,
  medianLines,
  MEDIAN_LINES_MAX,
  oddities,
  tooLong,
  unusedErrorCodes,
} from './support/house/shape-rules.ts';
import { wrongNames, wrongScripts } from './support/house/shape-rules.ts';
import { isCode, readSyntax } from './support/house/syntax.ts';

const house = readHouse();
const code = house.filter(isCode).map(readSyntax);

describe('imports', () => {
  test('run one way, and no station knows another', () => expect(wrongDirections(code)).toEqual([]));
  test('have no cycle, type imports included', () => expect(cycles(code)).toEqual([]));
  test('keep every library in its one place', () => {
    expect(wrongPackages(code, Object.keys(manifest.dependencies))).toEqual([]);
  });
});

describe('nothing is left over:', () => {
  test('exports that nobody imports', () => expect(unusedExports(code)).toEqual([]));
  test('files that no program comes to', () => expect(deadFiles(code, programs(code))).toEqual([]));
  test('error codes that nothing raises', () => expect(unusedErrorCodes(code, Object.keys(ERRORS))).toEqual([]));
  test('markers and switched-off checks', () => expect(leftovers(code)).toEqual([]));
});

describe('shape', () => {
  test('no file and no function is too long', () => expect(tooLong(code)).toEqual([]));
  test('the median file is short', () => expect(medianLines(code)).toBeLessThanOrEqual(MEDIAN_LINES_MAX));
  test('no any, default export, enum, console, unexplained empty catch, or test that is switched off', () => {
    expect(oddities(code)).toEqual([]);
  });
  test('names say what a file is for', () => {
    expect(wrongNames(house.filter((file) => isCode(file) || file.path.endsWith('.lua')))).toEqual([]);
  });
  test('Lua files are one step each, with arity and header', () => expect(wrongScripts(house)).toEqual([]));
  test('everything is formatted', async () => {
    const config = await resolveConfig(`${ROOT}/package.json`);
    const wrong: string[] = [];
    for (const file of house) {
      if (!/\.(ts|mjs|json|ya?ml)$/.test(file.path) || file.path.endsWith('package-lock.json')) continue;
      if (!(await check(file.text, { ...config, filepath: file.path }))) wrong.push(file.path);
    }
    expect(wrong).toEqual([]);
  }, 120_000);
});

describe('package', () => {
  test('the version is said once more, and equally, in the code', () => expect(VERSION).toBe(manifest.version));
  test('lock files name no host to download from', () => {
    const locks = house.filter((file) => file.path.endsWith('package-lock.json'));
    expect(locks.map((file) => file.path)).toEqual(['examples/handlers/package-lock.json', 'package-lock.json']);
    for (const { text } of locks) expect(text).not.toContain('"resolved"');
  });
});
