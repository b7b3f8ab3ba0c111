/**
 * A Redis server from the system's packages without installing any: apt downloads into directories of our own and dpkg unpacks
 * there. So it needs no root, starts no service on port 6379 and changes nothing of the system. Debian and its descendants only.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const STEP_TIMEOUT_MS = 120_000;
const DPKG_STATUS = '/var/lib/dpkg/status';
/** In this order; Debian 13 and Ubuntu 25 have both. */
const PACKAGES = ['redis-server', 'valkey-server'];

/** Where `unpackServer` leaves the server; may not exist. */
export function unpackedServer(stateDir: string): string {
  return path.join(path.resolve(stateDir), 'redis-server', 'run', 'redis-server');
}

/** Returns the path of a server that runs. Rejects with one clause that says why there is none. */
export async function unpackServer(stateDir: string): Promise<string> {
  const home = path.join(path.resolve(stateDir), 'redis-server');
  const fresh = `${home}.${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  try {
    const archives = await download(path.join(fresh, 'apt'));
    for (const archive of archives) await step('dpkg', ['-x', archive, path.join(fresh, 'root')]);
    await rm(path.join(fresh, 'apt'), { recursive: true, force: true });
    await writeLauncher(fresh);
    await rm(home, { recursive: true, force: true });
    await rename(fresh, home);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return unpackedServer(stateDir);
}

/** The archives of the server and of what it needs that this system does not have. */
async function download(dir: string): Promise<string[]> {
  const state = path.join(dir, 'state');
  const cache = path.join(dir, 'cache');
  await mkdir(path.join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(path.join(cache, 'archives', 'partial'), { recursive: true });
  const settings = [
    ...[
      '-o',
      `Dir::State=${state}`,
      '-o',
      `Dir::State::status=${await withoutServers(dir)}`,
      '-o',
      `Dir::Cache=${cache}`,
    ],
    // No lock of the system's, no drop to a user that may not write here, no translations; a dead mirror is noticed soon.
    ...['-o', 'Debug::NoLocking=true', '-o', 'APT::Sandbox::User=', '-o', 'Acquire::Languages=none'],
    ...['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::https::Timeout=15'],
  ];
  // One unreachable source among several is no obstacle: what counts is whether the package can then be had.
  const refused = await step('apt-get', [...settings, '-q', 'update']).then(
    () => undefined,
    (error: unknown) => error,
  );
  for (const name of PACKAGES) {
    const install = ['-q', '-y', '--no-install-recommends', '--download-only', 'install', name];
    const done = await step('apt-get', [...settings, ...install]).then(
      () => true,
      () => false,
    );
    if (!done) continue;
    const files = await readdir(path.join(cache, 'archives'));
    return files.filter((file) => file.endsWith('.deb')).map((file) => path.join(cache, 'archives', file));
  }
  throw refused instanceof Error ? refused : new Error('apt-get has no package redis-server or valkey-server');
}

/** dpkg's list of what is installed, less the servers themselves: one that was found too broken to run is fetched anew. */
async function withoutServers(dir: string): Promise<string> {
  const status = await readFile(DPKG_STATUS, 'utf8').catch(() => {
    throw new Error('this system has no apt-get');
  });
  const kept = status.split('\n\n').filter((entry) => !/^Package: (redis|valkey)(-server|-tools)?$/m.test(entry));
  const file = path.join(dir, 'status');
  await writeFile(file, kept.join('\n\n'));
  return file;
}

/** A file that starts the server with the libraries that were unpacked beside it; found from its own place, so that it can be moved. */
async function writeLauncher(fresh: string): Promise<void> {
  const binaries = await readdir(path.join(fresh, 'root', 'usr', 'bin'));
  const binary = binaries.find((name) => PACKAGES.includes(name));
  if (binary === undefined) throw new Error('its packages hold no server');
  const lib = path.join(fresh, 'root', 'usr', 'lib');
  await mkdir(lib, { recursive: true });
  const multiarch = (await readdir(lib)).filter((name) => name.endsWith('-linux-gnu'));
  const libraries = ['', ...multiarch].map((name) => `$here/root/usr/lib/${name}`);
  const text = [
    '#!/bin/sh',
    'here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)',
    `LD_LIBRARY_PATH="${libraries.join(':')}" exec "$here/root/usr/bin/${binary}" "$@"`,
    '',
  ].join('\n');
  const file = path.join(fresh, 'run', 'redis-server');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
}

async function step(command: string, args: readonly string[]): Promise<void> {
  try {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    await run(command, [...args], { timeout: STEP_TIMEOUT_MS, env, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new Error(`this system has no ${command}`, { cause: error });
    const said = (stderr ?? '').split('\n').find((line) => line.startsWith('E: ')) ?? '';
    throw new Error(said === '' ? `${command} failed` : `${command}: ${said.slice(3)}`, { cause: error });
  }
}
