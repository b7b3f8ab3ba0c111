/** The Redis of `millrace dev`: kept in a directory from run to run, used by one `dev` at a time, gone when that ends. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, MillraceError } from '../errors.ts';
import { PRIVATE_REDIS_STOP_MS } from '../limits.ts';
import { systemClock } from '../time.ts';
import { mendAppendOnly } from './append-only.ts';
import { findRedis } from './find.ts';
import { type RedisServer, startRedisServer } from './server.ts';

export interface PrivateRedisOptions {
  /** Holds its data (`redis/`) and the note of who runs it. */
  readonly stateDir: string;
  /** Where a server binary is unpacked to when none is installed; default: stateDir. */
  readonly binaryDir?: string;
  /** Begin with an empty one. */
  readonly fresh?: boolean;
  readonly say: (text: string) => void;
}

interface Note {
  /** The process that started it. */
  readonly owner: number;
  readonly pid: number;
  readonly url: string;
}

/** Rejects with `dev-running` when another process uses the directory, and with `redis-not-found`. */
export async function openPrivateRedis(options: PrivateRedisOptions): Promise<RedisServer> {
  const note = path.join(options.stateDir, 'redis.json');
  await waitForTheLast(note, options.stateDir);
  const dir = path.join(options.stateDir, 'redis');
  if (options.fresh === true) await rm(dir, { recursive: true, force: true });
  const { binary } = await findRedis({ stateDir: options.binaryDir ?? options.stateDir, say: options.say });
  const started = mendAppendOnly(dir, binary, options.say).then(() => startRedisServer({ dir, binary }));
  const server = await started.catch((error: unknown) => {
    throw new MillraceError('redis-unreachable', `a Redis of our own could not be started in ${dir}`, {
      hint: messageOf(error),
      cause: error,
    });
  });
  const fresh = `${note}.${process.pid}`;
  await writeFile(fresh, JSON.stringify({ owner: process.pid, pid: server.pid, url: server.url } satisfies Note));
  await rename(fresh, note);
  return {
    ...server,
    async stop() {
      await server.stop();
      await rm(note, { force: true });
    },
  };
}

/** A server whose owner was killed is stopped by its guard (server.ts): that takes a moment. Two on one directory would ruin the data. */
async function waitForTheLast(file: string, stateDir: string): Promise<void> {
  const note = await readNote(file);
  if (note === undefined) return;
  const until = systemClock.monoMs() + PRIVATE_REDIS_STOP_MS;
  while (alive(note.pid)) {
    if (alive(note.owner) || systemClock.monoMs() > until) {
      throw new MillraceError('dev-running', `another millrace dev (process ${note.owner}) runs on ${stateDir}`, {
        hint: `Stop it first, or talk to its Redis: REDIS_URL=${note.url} millrace status`,
      });
    }
    await systemClock.sleep(50);
  }
}

async function readNote(file: string): Promise<Note | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Note;
  } catch {
    // There is none, or its writing was cut off: then no server was running by it.
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
