/** The command line as a subprocess: what a shell and its user see of it. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { MILLRACE, run } from '../support/run.ts';

function temporaryDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-cli-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('--version prints the version and nothing else', async () => {
  expect(await run(MILLRACE, ['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
});

test('through a chain of links, from another directory', async () => {
  const dir = temporaryDir();
  symlinkSync(MILLRACE, path.join(dir, 'first'));
  symlinkSync('first', path.join(dir, 'millrace'));
  expect(await run(path.join(dir, 'millrace'), ['-V'], { cwd: dir })).toMatchObject({
    code: 0,
    stdout: `${VERSION}\n`,
  });
});

test('without arguments and with help, every verb is named, on standard output', async () => {
  const verbs = ['dev', 'start', 'validate', 'stream', 'status', 'mapping', 'failures', 'audit'];
  for (const args of [[], ['--help'], ['help']]) {
    const { code, stdout, stderr } = await run(MILLRACE, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const verb of verbs) expect(stdout).toMatch(new RegExp(`^  ${verb}\\b`, 'm'));
  }
});

test.for(['dev', 'start', 'validate', 'stream', 'status', 'failures', 'audit'])('%s explains itself', async (verb) => {
  const long = await run(MILLRACE, [verb, '--help']);
  expect(long).toMatchObject({ code: 0, stderr: '' });
  expect(long.stdout).toContain(`millrace ${verb}`);
  // An example that can be copied.
  expect(long.stdout).toContain('  $ ');
  expect((await run(MILLRACE, ['help', verb])).stdout).toBe(long.stdout);
});

test.for([
  { args: ['statsu'], says: "unknown command 'statsu'\n(Did you mean status?)" },
  { args: ['status', '--nope'], says: "unknown option '--nope'" },
  { args: ['stream', 'creat'], says: "unknown command 'creat'\n(Did you mean create?)" },
  { args: ['start', '--role', 'cook'], says: 'The roles are poller and executor.' },
])('$args: exit 1, a sentence, and where the help is', async ({ args, says }) => {
  const { code, stdout, stderr } = await run(MILLRACE, args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^millrace: /);
  expect(stderr).toContain(says);
  expect(stderr).toContain('--help');
});

test('wrong input is exit 1, with what to do, and no stack', async () => {
  const { code, stdout, stderr } = await run(MILLRACE, ['status'], { cwd: temporaryDir() });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('millrace.yaml');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a server that is away is exit 2, with its address, and no stack', async () => {
  const { code, stderr } = await run(MILLRACE, [
    'stream',
    'list',
    '--redis',
    'redis://127.0.0.1:1',
    '--namespace',
    'x',
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain('127.0.0.1:1');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a defect is one line, and its stack is in a file that is named', async () => {
  const dir = temporaryDir();
  // Throws from nowhere as soon as the command line listens for such things.
  const bug = `const on = process.on; process.on = function (name, ...rest) {
    if (name === 'unhandledRejection') setImmediate(() => { throw new Error('boom at home'); });
    return on.call(this, name, ...rest);
  };`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}`, TMPDIR: dir };
  const { code, stdout, stderr } = await run(
    MILLRACE,
    ['stream', 'list', '--redis', 'redis://127.0.0.1:1', '--namespace', 'x'],
    { env },
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^millrace: this is a defect of Millrace: boom at home\n {2}Please report it with \S+\n$/);
  const file = /with (\S+)/.exec(stderr)![1]!;
  expect(path.dirname(file)).toBe(dir);
  expect(readFileSync(file, 'utf8')).toMatch(/boom at home\n\s+at /);
});

test('a reader that goes away is no error', async () => {
  const { code, stdout, stderr } = await run('/bin/bash', ['-o', 'pipefail', '-c', `"${MILLRACE}" --help | head -n 1`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: millrace/);
});
