/** What `millrace dev` takes for a change of code or configuration. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { fingerprint, watchChanges } from '../../src/commands/dev/changes.ts';
import { DEV_WATCH_EVERY_MS } from '../../src/limits.ts';

let dir = '';
const at = (...parts: string[]) => path.join(dir, ...parts);

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'millrace-changes-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const folder of ['lib', 'lib/deep', 'lib/node_modules', 'lib/.git']) mkdirSync(at(folder));
  for (const file of ['millrace.yaml', 'one.ts', 'beside.ts', 'lib/main.ts', 'lib/deep/more.ts'])
    writeFileSync(at(file), 'a');
  mkdirSync(at('dist'));
  writeFileSync(at('dist/fn.zip'), 'PK');
});

const watched = () => ({ files: [at('millrace.yaml')], code: [at('one.ts'), at('lib'), at('dist/fn.zip')] });

test.for([
  ['millrace.yaml', true],
  ['one.ts', true],
  ['beside.ts', true],
  ['dist/fn.zip', true],
  ['new.ts', true],
  ['lib/deep/more.ts', true],
  ['lib/deep/new.ts', true],
  ['lib/node_modules/dependency.js', false],
  ['lib/.git/index', false],
] as const)('%s is looked at: %s', ([file, seen]) => {
  const before = fingerprint(watched());
  writeFileSync(at(file), 'changed');
  expect(fingerprint(watched()) !== before).toBe(seen);
});

test('a file that goes away is a change, and a missing directory is none', () => {
  const before = fingerprint(watched());
  rmSync(at('one.ts'));
  expect(fingerprint(watched())).not.toBe(before);
  expect(fingerprint({ files: [], code: [at('nowhere', 'at', 'all.ts')] })).toBe('');
});

test('a change is told once, after it came to rest', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let told = 0;
  const watch = watchChanges(watched, () => (told += 1));
  const look = () => vi.advanceTimersByTime(DEV_WATCH_EVERY_MS);
  look();
  writeFileSync(at('one.ts'), 'half');
  look();
  writeFileSync(at('one.ts'), 'whole thing');
  look();
  expect(told).toBe(0);
  look();
  expect(told).toBe(1);
  look();
  watch.close();
  writeFileSync(at('one.ts'), 'later');
  look();
  look();
  expect(told).toBe(1);
});
