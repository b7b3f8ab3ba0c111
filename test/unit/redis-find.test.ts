/** Which Redis server is taken, and what is said when there is none. Servers are played by scripts that print a version. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { findRedis } from '../../src/redis/find.ts';
import { unpackedServer } from '../../src/redis/unpack.ts';

let dir = '';
let said: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'millrace-find-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  said = [];
});

/** A server in a directory of that name; answers its path. */
function server(file: string, answer: string): string {
  const full = path.isAbsolute(file) ? file : path.join(dir, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, `#!/bin/sh\n${answer}\n`);
  chmodSync(full, 0o755);
  return full;
}
const redis = (version: string) => `echo 'Redis server v=${version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'`;

function find(
  dirs: readonly string[],
  unpack: (stateDir: string) => Promise<string> = () => Promise.reject(new Error('no network')),
) {
  return findRedis({
    stateDir: path.join(dir, 'state'),
    say: (text) => said.push(text),
    dirs: dirs.map((name) => path.join(dir, name)),
    unpack,
  });
}

test('the first one that is new enough, Redis or Valkey, and nothing is said', async () => {
  server('a/redis-server', redis('6.2.14'));
  const binary = server('b/valkey-server', "echo 'Valkey server v=8.1.1 sha=00000000:0'");
  server('c/redis-server', redis('7.4.0'));
  expect(await find(['missing', 'a', 'b', 'c'])).toEqual({ binary, version: '8.1.1' });
  expect(said).toEqual([]);
});

test('one that does not run is none', async () => {
  server('a/redis-server', "echo 'error while loading shared libraries' >&2; exit 127");
  const binary = server('b/redis-server', redis('7.0.15'));
  expect(await find(['a', 'b'])).toEqual({ binary, version: '7.0.15' });
});

test('one that was unpacked before is taken before all others', async () => {
  server('a/redis-server', redis('7.0.15'));
  const binary = server(unpackedServer(path.join(dir, 'state')), redis('7.2.5'));
  expect(await find(['a'])).toEqual({ binary, version: '7.2.5' });
});

test('with none, one is fetched, and that is said beforehand', async () => {
  const fetched = path.join(dir, 'fetched', 'redis-server');
  const found = find([], async () => server(fetched, redis('7.0.15')));
  expect(await found).toEqual({ binary: fetched, version: '7.0.15' });
  expect(said).toEqual(["No Redis 7 or later is installed; taking one from the system's packages (once) …"]);
});

test.for([
  {
    what: 'nothing here, nothing to be had',
    answer: null,
    says: /^there is no Redis server here, and none could be fetched: no network\.$/,
  },
  { what: 'the packages are too old', answer: redis('6.0.16'), says: /the system's packages have only 6\.0\.16\.$/ },
  { what: 'the packages do not run', answer: 'exit 1', says: /the one from the system's packages does not run\.$/ },
])('$what: one sentence, and what to do', async ({ answer, says }) => {
  const unpack = answer === null ? undefined : async () => server('fetched/redis-server', answer);
  await expect(find([], unpack)).rejects.toMatchObject({
    code: 'redis-not-found',
    message: expect.stringMatching(says),
    hint: expect.stringContaining('REDIS_URL'),
  });
});

test('what is too old is named', async () => {
  const old = server('a/redis-server', redis('6.2.14'));
  await expect(find(['a'])).rejects.toThrow(`every Redis here is older than 7.0 (${old} is 6.2.14)`);
});
