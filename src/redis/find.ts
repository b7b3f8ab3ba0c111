/** A Redis server binary on this machine (7.0 or later, or Valkey): what is installed, else one of our own from the system's packages. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, MillraceError } from '../errors.ts';
import { unpackedServer, unpackServer } from './unpack.ts';

export interface FindRedisOptions {
  /** Where an own server is unpacked to, and looked for first the next time; e.g. `.millrace`. */
  readonly stateDir: string;
  /** Told, in one line, before something slow is done. */
  readonly say: (text: string) => void;
  /** Where to look; default: the PATH, and where packages usually put it. */
  readonly dirs?: readonly string[];
  /** Fetches a server into stateDir and resolves with its path; default: from the system's packages. */
  readonly unpack?: (stateDir: string) => Promise<string>;
}

export interface FoundRedis {
  /** Full path of redis-server or valkey-server. */
  readonly binary: string;
  readonly version: string;
}

const NAMES = ['redis-server', 'valkey-server'];
/** Where packages put it when the PATH of a service or of a plain user does not say so. */
const USUAL_DIRS = ['/usr/local/bin', '/usr/bin', '/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];
const OLDEST_MAJOR = 7;
const run = promisify(execFile);

/** Rejects with `redis-not-found`: nothing suitable is installed, and none could be fetched. */
export async function findRedis(options: FindRedisOptions): Promise<FoundRedis> {
  const tooOld: string[] = [];
  const dirs = options.dirs ?? [...(process.env['PATH'] ?? '').split(path.delimiter), ...USUAL_DIRS];
  const candidates = dirs.filter((dir) => dir !== '').flatMap((dir) => NAMES.map((name) => path.join(dir, name)));
  for (const binary of [unpackedServer(options.stateDir), ...new Set(candidates)]) {
    const version = await versionOf(binary);
    if (version === undefined) continue;
    if (Number(version.split('.')[0]) >= OLDEST_MAJOR) return { binary, version };
    tooOld.push(`${binary} is ${version}`);
  }
  const why =
    tooOld.length > 0
      ? `every Redis here is older than ${OLDEST_MAJOR}.0 (${tooOld.join(', ')})`
      : 'there is no Redis server here';
  options.say(`No Redis ${OLDEST_MAJOR} or later is installed; taking one from the system's packages (once) …`);
  const binary = await (options.unpack ?? unpackServer)(options.stateDir).catch((error: unknown) => {
    throw notFound(`${why}, and none could be fetched: ${messageOf(error)}`);
  });
  const version = await versionOf(binary);
  if (version === undefined) throw notFound(`${why}, and the one from the system's packages does not run`);
  if (Number(version.split('.')[0]) < OLDEST_MAJOR)
    throw notFound(`${why}, and the system's packages have only ${version}`);
  return { binary, version };
}

function notFound(sentence: string): MillraceError {
  const install =
    process.platform === 'darwin'
      ? 'brew install redis'
      : 'apt-get install redis-server (or dnf install valkey, apk add valkey)';
  return new MillraceError('redis-not-found', `${sentence}.`, {
    hint: `Install one: ${install}; or set REDIS_URL to one that runs, for instance REDIS_URL=redis://127.0.0.1:6379`,
  });
}

/** `Redis server v=7.0.15 sha=…`, `Valkey server v=8.1.1 …`; undefined when it is not there or does not run. */
async function versionOf(binary: string): Promise<string | undefined> {
  try {
    await access(binary, constants.X_OK);
    const { stdout } = await run(binary, ['--version'], { timeout: 10_000 });
    return /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    // Not there, not executable, or linked against something that is missing: not one that can be used.
    return undefined;
  }
}
