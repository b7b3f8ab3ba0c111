/** A Redis for figures: found, or unpacked, as `millrace dev` does it. */
import { fileURLToPath } from 'node:url';
import { findRedis } from '../../src/redis/find.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';

const STATE = fileURLToPath(new URL('../../.millrace', import.meta.url));

export async function startBenchRedis(
  dir: string,
  options: { readonly appendfsync?: 'no'; readonly port?: number } = {},
): Promise<RedisServer> {
  const { binary } = await findRedis({ stateDir: STATE, say: (text) => void process.stderr.write(`${text}\n`) });
  return await startRedisServer({ dir, binary, ...options });
}
