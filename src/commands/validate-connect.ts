/** `millrace validate --connect`: what only the servers can tell. */
import { VALIDATE_CONNECT_MS } from '../limits.ts';
import { MillraceError } from '../errors.ts';
import { pathText } from '../mapping/tree.ts';
import type { Config, LoadResult, MappingConfig, Problem } from '../mapping/types.ts';
import { type Redis, checkServer, connectRedis } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';

/**
 * Something missing or unfit on a server that answers is a problem; a server that does not answer, or is unsuitable as a whole
 * (version, cluster mode, eviction policy, login), is a MillraceError with exit code 2.
 */
export async function checkConnections(config: Config, locate: LoadResult['locate']): Promise<Problem[]> {
  const redis = await connectRedis(config.redis, {
    role: 'validate',
    timeoutMs: VALIDATE_CONNECT_MS,
    options: { commandTimeout: VALIDATE_CONNECT_MS },
  });
  try {
    await checkServer(redis);
    const keys = new Keys(config.namespace);
    const problems: Problem[] = [];
    for (const mapping of config.mappings.values())
      problems.push(...(await checkMapping(redis, keys, mapping, locate)));
    return problems;
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError('redis-unreachable', `the Redis server stopped answering: ${reason}`, { cause: error });
  } finally {
    redis.disconnect();
  }
}

async function checkMapping(
  redis: Redis,
  keys: Keys,
  mapping: MappingConfig,
  locate: LoadResult['locate'],
): Promise<Problem[]> {
  const base = ['mappings', mapping.name];
  const found: Problem[] = [];
  const add = (
    severity: Problem['severity'],
    code: string,
    fields: readonly string[],
    message: string,
    hint: string,
  ) => {
    found.push({
      severity,
      code,
      path: pathText([...base, ...fields]),
      message,
      hint,
      ...locate([...base, ...fields]),
    });
  };
  const { stream, trim } = mapping.source;
  const sharded = await redis.exists(keys.stream(stream));
  const type = await redis.type(stream);
  if (sharded === 1) {
    if (trim === 'settled') {
      add(
        'warning',
        'no-effect',
        ['source', 'trim'],
        `\`${stream}\` is a sharded stream: it is trimmed by its retention`,
        'remove `trim`',
      );
    }
  } else if (type === 'none') {
    const hint = `create it with \`millrace stream create ${stream}\`, or ignore this: a plain stream is waited for`;
    add('error', 'stream-missing', ['source', 'stream'], `there is no stream \`${stream}\` on this server`, hint);
  } else if (type !== 'stream') {
    add(
      'error',
      'stream-wrong-type',
      ['source', 'stream'],
      `the key \`${stream}\` is a ${type}, not a stream`,
      'name another stream',
    );
  }
  const target = mapping.onFailureStream ?? keys.failures(mapping.name);
  const targetType = await redis.type(target);
  if (targetType !== 'none' && targetType !== 'stream') {
    const fields = mapping.onFailureStream === undefined ? [] : ['destinationConfig', 'onFailure', 'stream'];
    const message = `the failure notices go to \`${target}\`, and that key is a ${targetType}, not a stream`;
    add('error', 'stream-wrong-type', fields, message, 'name another stream, or remove the key');
  }
  return found;
}
