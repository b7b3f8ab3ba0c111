/** The examples as a whole: they compile, every package has one, every one has a test, and the documents name them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readDocument } from '../support/documents.ts';
import { EXAMPLES, INSTALL_MS, installExamples } from '../support/example-packages.ts';
import { ROOT } from '../support/house/files.ts';
import { run } from '../support/run.ts';

const read = (...parts: string[]) => readFileSync(path.join(...parts), 'utf8');
const handlers = readdirSync(EXAMPLES).filter((name) => /\.(ts|mjs|cjs)$/.test(name));
const manifest = JSON.parse(read(EXAMPLES, 'package.json')) as Record<'dependencies', Record<string, string>>;
const packages = Object.keys(manifest.dependencies);

/** Names of packages that a text imports or requires. */
function imported(text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|require\() ?'([^'.][^']*)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

describe('the types', () => {
  beforeAll(installExamples, INSTALL_MS);

  test('of @types/aws-lambda and of the packages fit every handler, strictly', async () => {
    const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const { code, stdout } = await run(process.execPath, [tsc, '-p', EXAMPLES]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(JSON.parse(read(EXAMPLES, 'tsconfig.json'))).toMatchObject({ compilerOptions: { strict: true } });
  });
});

test('every package has an example', () => {
  const used = new Set(handlers.flatMap((file) => imported(read(EXAMPLES, file))));
  expect(packages.filter((name) => !used.has(name))).toEqual([]);
  expect(packages.length).toBeGreaterThanOrEqual(20);
});

test.for(handlers)('%s has a test, and a line in the README beside it', (file) => {
  const tests = readdirSync(path.join(ROOT, 'test', 'honest')).filter((name) => name !== 'examples.test.ts');
  expect(tests.some((name) => read(ROOT, 'test', 'honest', name).includes(`'${file}'`))).toBe(true);
  expect(read(EXAMPLES, 'README.md')).toContain(`\`${file}\``);
});

test('docs/handlers.md lists the packages that are known to run, with the versions that the tests ran', () => {
  const [, below] = readDocument('docs/handlers.md').split('\n## Packages that are known to run\n');
  const section = below!.split('\n## ')[0]!;
  const listed = [...section.matchAll(/`((?:@[\w-]+\/)?[\w.-]+)` (\d+)/g)].map((match) => `${match[1]} ${match[2]}`);
  const tested = packages.map((name) => `${name} ${/\d+/.exec(manifest.dependencies[name]!)![0]}`);
  expect(listed.sort()).toEqual(tested.sort());
});
