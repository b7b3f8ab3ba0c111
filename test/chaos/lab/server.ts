/** The Redis of a lab. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRedis } from '../../../src/redis/find.ts';
import { type RedisServer, startRedisServer } from '../../../src/redis/server.ts';
import type { LabSpec } from './project.ts';

const STATE = fileURLToPath(new URL('../../../.millrace', import.meta.url));

/** Its program. */
export async function redisBinary(): Promise<string> {
  return (await findRedis({ stateDir: STATE, say: (text) => void process.stderr.write(`${text}\n`) })).binary;
}

/** On the same port and files where it was there before. */
export async function startServer(dir: string, { diskMayFill }: LabSpec, port?: number): Promise<RedisServer> {
  const own = await redisBinary();
  const binary = diskMayFill ? await withoutSignal(dir, own) : own;
  const appendfsync = diskMayFill ? 'everysec' : 'always';
  return await startRedisServer({ dir: path.join(dir, 'redis'), binary, appendfsync, ...(port && { port }) });
}

/** A write beyond the bound of a file fails, as on a full disk, where it would be the end of the process. */
async function withoutSignal(dir: string, binary: string): Promise<string> {
  const script = path.join(dir, 'redis-server');
  await writeFile(script, `#!/bin/sh\ntrap '' XFSZ\nexec '${binary}' "$@"\n`, { mode: 0o755 });
  return script;
}
