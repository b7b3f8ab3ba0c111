/** Our own scripts are bundled once, and again when something that they were made of is not as it was (src/sandbox/build.ts). */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { buildBootstrap } from '../../src/sandbox/build.ts';

let cacheDir: string;
let notes: string;
let built: string;

interface Made {
  file: string;
  by: string;
  of: [path: string, bytes: number, mtimeMs: number][];
}

beforeEach(async () => {
  cacheDir = mkdtempSync(path.join(tmpdir(), 'millrace-own-'));
  onTestFinished(() => rmSync(cacheDir, { recursive: true, force: true }));
  built = await buildBootstrap(cacheDir);
  notes = path.join(
    cacheDir,
    readdirSync(cacheDir).find((name) => name.endsWith('.json'))!,
  );
});

const read = () => JSON.parse(readFileSync(notes, 'utf8')) as Made;
/** The notes name another script from now on: who gets it has not built. */
function pretend(change: (made: Made) => void = () => undefined): string {
  const other = path.join(cacheDir, 'other.js');
  writeFileSync(other, 'another script');
  const made = { ...read(), file: 'other.js' };
  change(made);
  writeFileSync(notes, JSON.stringify(made));
  return other;
}

test('what is unchanged is not built again', async () => {
  expect(read().of.map(([file]) => path.basename(file))).toContain('boot.ts');
  const other = pretend();
  expect(await buildBootstrap(cacheDir)).toBe(other);
});

test.each<[what: string, change: (made: Made) => void]>([
  ['a file that has another size', ({ of }) => void of[0]![1]++],
  ['a file that was written since', ({ of }) => void of[0]![2]--],
  ['a file that is gone', ({ of }) => void (of[0]![0] += '.gone')],
  ['another bundler', (made) => void (made.by = 'esbuild 0.1.0')],
  ['a script that is gone', (made) => void (made.file = 'gone.js')],
])('%s: it is built again, to the same', async (_what, change) => {
  const before = read();
  pretend(change);
  expect(await buildBootstrap(cacheDir)).toBe(built);
  expect(read()).toEqual(before);
});

test('notes that are none: it is built again', async () => {
  const before = read();
  writeFileSync(notes, '{"file":');
  expect(await buildBootstrap(cacheDir)).toBe(built);
  expect(read()).toEqual(before);
});
