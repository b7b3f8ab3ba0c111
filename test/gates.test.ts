/** What programs that others keep say about the code: the linter, which knows the types, and the licences of what we depend on. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
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

const gate = (...args: string[]) => run(process.execPath, args, { cwd: ROOT });

test('types are right', async () => {
  expect(await gate('node_modules/typescript/bin/tsc', '-p', '.')).toMatchObject({ code: 0, stdout: '' });
}, 120_000);

test('no file, export or dependency is left over (knip.json)', async () => {
  expect(await gate('node_modules/knip/bin/knip.js')).toMatchObject({ code: 0, stdout: '' });
}, 120_000);

test('no vulnerability is known, as far as the registry tells', async () => {
  const { code, stdout } = await gate('scripts/audit.mjs');
  expect(code, stdout).toBe(0);
  // That nothing was checked is to be seen.
  process.stdout.write(stdout);
}, 120_000);

/** What a registry says of a package: npm compares its versions with those of the advisory, and those of what depends on it. */
const known = (name: string): object => ({
  name,
  'dist-tags': { latest: '2.0.0' },
  versions: { '2.0.0': { name, version: '2.0.0' } },
});

/** `npm run audit:packages` against a registry that gives this answer to the question, with a cache of npm's of its own. */
async function audit(status: number, body: object): Promise<{ code: number | null; said: string }> {
  const registry = createServer((request, response) => {
    const [code, answer] =
      request.method === 'POST' ? [status, body] : [200, known(decodeURIComponent(request.url!.slice(1)))];
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const cache = mkdtempSync(path.join(tmpdir(), 'millrace-audit-'));
  const env = { npm_config_cache: cache };
  const ran = await run(process.execPath, ['scripts/audit.mjs', '--registry', address], { cwd: ROOT, env });
  registry.close();
  registry.closeAllConnections();
  rmSync(cache, { recursive: true, force: true });
  return { code: ran.code, said: ran.stdout.trim() };
}

test('the audit fails on a known vulnerability', async () => {
  const advisory = { id: 1, title: 'reads mail', severity: 'low', vulnerable_versions: '*', url: 'https://a.test/1' };
  const found = await audit(200, { yaml: [{ ...advisory, cwe: [], cvss: { score: 1, vectorString: null } }] });
  expect(found, found.said).toMatchObject({ code: 1 });
  expect(found.said).toMatch(/low: yaml .*: reads mail https:\/\/a\.test\/1/);
  expect(await audit(200, {})).toMatchObject({ code: 0 });
}, 120_000);

test('the audit says when the registry offers none, and does not take an error for that', async () => {
  const none = 'No audit: the registry offers none (405). Nothing was checked.';
  expect(await audit(405, {})).toEqual({ code: 0, said: none });
  expect(await audit(503, {})).toMatchObject({ code: 2 });
}, 120_000);
