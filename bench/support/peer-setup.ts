/** Peers that are not packages of ours, fetched once from their registries and kept in `.millrace/peers`; each call rejects with what this machine lacks. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const HOME = fileURLToPath(new URL('../../.millrace/peers/', import.meta.url));
const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const FETCH_MS = 10 * 60_000;

export const RESTATE = '1.7.12';
const RESTATE_SDK = '1.17.2';

/** Benthos' version, as go.mod has it. */
export const BENTHOS = /benthos\/v4 v(\S+)/.exec(readFileSync(path.join(PEERS, 'benthos', 'go.mod'), 'utf8'))![1]!;
export const PARALLEL_CONSUMER = /parallel-consumer-core<\/artifactId><version>([^<]+)/.exec(
  readFileSync(path.join(PEERS, 'parallel-consumer', 'pom.xml'), 'utf8'),
)![1]!;

/** A directory that `make` has filled; its name has what it depends on. */
async function once(name: string, depends: string, make: (fresh: string) => Promise<unknown>): Promise<string> {
  const done = path.join(HOME, `${name}-${createHash('sha256').update(depends).digest('hex').slice(0, 12)}`);
  if (existsSync(done)) return done;
  const fresh = `${done}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  try {
    await make(fresh);
    if (!existsSync(done)) await rename(fresh, done);
    return done;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const textOf = (...parts: string[]) => readFileSync(path.join(PEERS, ...parts), 'utf8');

/** The engine of Redpanda Connect, built by Go; the program's file. */
export async function benthosProgram(): Promise<string> {
  const cwd = path.join(PEERS, 'benthos');
  const depends = textOf('benthos', 'go.sum') + textOf('benthos', 'main.go');
  const build = (fresh: string) =>
    run('go', ['build', '-o', path.join(fresh, 'benthos'), '.'], { cwd, timeout: FETCH_MS });
  return path.join(await once('benthos', depends, build), 'benthos');
}

/** Class path of Confluent's Parallel Consumer and the loop around it, compiled. */
export async function parallelConsumerClasses(): Promise<string> {
  const cwd = path.join(PEERS, 'parallel-consumer');
  const depends = textOf('parallel-consumer', 'pom.xml') + textOf('parallel-consumer', 'parallel-loop.java');
  const home = await once('parallel-consumer', depends, async (fresh) => {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${fresh}`];
    await run('mvn', ['-q', '-B', '-f', path.join(cwd, 'pom.xml'), ...goal], { timeout: FETCH_MS });
    await run('javac', ['-cp', path.join(fresh, '*'), '-d', path.join(fresh, 'classes'), 'parallel-loop.java'], {
      cwd,
    });
  });
  return [path.join(home, '*'), path.join(home, 'classes')].join(path.delimiter);
}

/** Directory with Restate's server and SDK, installed by npm. */
export async function restatePackages(): Promise<string> {
  const packages = [`@restatedev/restate-server@${RESTATE}`, `@restatedev/restate-sdk@${RESTATE_SDK}`];
  return await once('restate', packages.join(), async (fresh) => {
    await writeFile(path.join(fresh, 'package.json'), '{ "private": true }');
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    await run('npm', ['install', ...flags, ...packages], { cwd: fresh, timeout: FETCH_MS });
  });
}
