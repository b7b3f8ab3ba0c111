/** What programs that others keep say about the code: the linter, which knows the types, and the licences of what we depend on. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/house/files.ts';
import { run } from './support/run.ts';

/** Has what it must find. */
const BAD = 'test/fixtures/lint';

function lint(...args: string[]): ReturnType<typeof run> {
  const linter = path.join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
  return run(process.execPath, [linter, '--type-aware', '--format', 'unix', ...args], { cwd: ROOT });
}

test('the linter finds nothing: no promise is left alone, no console, sorts say how (.oxlintrc.json)', async () => {
  const { code, stdout, stderr } = await lint('--ignore-pattern', BAD);
  expect({ code, found: `${stdout}${stderr}`.trim() }).toEqual({ code: 0, found: '' });
}, 120_000);

test('the linter would find a promise that is left alone', async () => {
  const { code, stdout } = await lint(BAD);
  expect(code).toBe(1);
  expect(stdout).toContain('left-alone.ts:2:3: Promises must be awaited');
}, 60_000);

/** What may be linked with, and shipped beside, code under Apache-2.0. */
const LICENCES = ['0BSD', 'Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT'];
/** And for tools that are not shipped (lightningcss comes with vitest). */
const LICENCES_OF_TOOLS = [...LICENCES, 'MPL-2.0'];

test('what we depend on may be used under its licence', () => {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string; dev?: boolean }>;
  };
  const { '': own, ...others } = packages;
  expect(own?.license).toBe('Apache-2.0');
  const wrong = Object.entries(others).filter(
    ([, { license, dev }]) => !(dev === true ? LICENCES_OF_TOOLS : LICENCES).includes(license ?? ''),
  );
  expect(wrong).toEqual([]);
});
