/** `millrace validate --connect`: what only the servers can tell. */
import { sourceIdentity } from '../daemon/registry.ts';
import { VALIDATE_CONNECT_MS } from '../config-limits.ts';
import { messageOf, MillraceError } from '../errors.ts';
import { pathText } from '../mapping/tree.ts';
import type { Config, LoadResult, MappingConfig, Problem } from '../mapping/types.ts';
import { type Redis, checkServer, connectRedis, disconnect } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';
import { topicFaults } from './validate-kafka.ts';

/**
 * Something missing or unfit on a server that answers is a problem, also when it is unsuitable as a whole (version, cluster mode,
 * eviction policy); a server that does not answer, or refuses the login, is a MillraceError with exit code 2.
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
      problems.push(...(await checkMapping(redis, keys, config, mapping, locate)));
    return problems;
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'redis-unsuitable') return [unsuitable(error, locate)];
    if (error instanceof MillraceError) throw error;
    const reason = messageOf(error);
    throw new MillraceError('redis-unreachable', `the Redis server stopped answering: ${reason}`, { cause: error });
  } finally {
    redis.disconnect();
  }
}

function unsuitable({ code, message, hint }: MillraceError, locate: LoadResult['locate']): Problem {
  const at = ['redis'];
  return { severity: 'error', code, path: 'redis', message, ...(hint !== undefined && { hint }), ...locate(at) };
}

type Add = (
  severity: Problem['severity'],
  code: string,
  fields: readonly string[],
  message: string,
  hint: string,
) => void;

async function checkMapping(
  redis: Redis,
  keys: Keys,
  { connections }: Config,
  mapping: MappingConfig,
  locate: LoadResult['locate'],
): Promise<Problem[]> {
  const found: Problem[] = [];
  const add: Add = (severity, code, fields, message, hint) => {
    const at = ['mappings', mapping.name, ...fields];
    found.push({ severity, code, path: pathText(at), message, hint, ...locate(at) });
  };
  await checkSource(redis, keys, mapping, add);
  if (mapping.onFailureTopic) {
    await checkTopic(mapping.onFailureTopic, connections, FAILURE_TOPIC, add);
  } else await checkTarget(redis, keys, mapping, add);
  const { output } = mapping;
  if (output?.type === 'kafka-topic') await checkTopic(output, connections, OUTPUT_TOPIC, add);
  else if (output?.connection !== undefined) await checkOtherRedis(redis, keys, output, connections, add);
  else if (output) await checkOutput(redis, keys, output.stream, add);
  await checkStored(redis, keys, mapping, add);
  return found;
}

async function checkSource(redis: Redis, keys: Keys, mapping: MappingConfig, add: Add): Promise<void> {
  if (mapping.source.type === 'kafka') {
    const { topic, consumerGroupId: groupId, cluster } = mapping.source;
    const waited = 'create it, or ignore this: a topic is waited for';
    for (const { code, group, message, hint } of await topicFaults(cluster, { topic, act: 'read', groupId }))
      add('error', code, ['source', group ? 'consumerGroupId' : 'topic'], message, hint || waited);
    return;
  }
  const { stream, trim } = mapping.source;
  const sharded = await redis.exists(keys.stream(stream));
  const type = sharded === 1 ? 'sharded' : await redis.type(stream);
  if (type === 'sharded' && trim === 'settled') {
    const message = `\`${stream}\` is a sharded stream: it is trimmed by its retention`;
    add('warning', 'no-effect', ['source', 'trim'], message, 'remove `trim`');
  } else if (type === 'none') {
    const hint = `create it with \`millrace stream create ${stream}\`, or ignore this: a plain stream is waited for`;
    add('error', 'stream-missing', ['source', 'stream'], `there is no stream \`${stream}\` on this server`, hint);
  } else if (type !== 'sharded' && type !== 'stream') {
    const message = `the key \`${stream}\` is a ${type}, not a stream`;
    add('error', 'stream-wrong-type', ['source', 'stream'], message, 'name another stream');
  }
}

async function checkTarget(redis: Redis, keys: Keys, mapping: MappingConfig, add: Add): Promise<void> {
  const target = mapping.onFailureStream ?? keys.failures(mapping.name);
  const type = await redis.type(target);
  if (type === 'none' || type === 'stream') return;
  const fields = mapping.onFailureStream === undefined ? [] : ['destinationConfig', 'onFailure', 'stream'];
  const message = `the failure notices go to \`${target}\`, and that key is a ${type}, not a stream`;
  add('error', 'stream-wrong-type', fields, message, 'name another stream, or remove the key');
}

interface WrittenTopic {
  readonly what: string;
  readonly commits: boolean;
  readonly fields: readonly string[];
}
const FAILURE_TOPIC: WrittenTopic = {
  what: 'failure notices',
  commits: false,
  fields: ['destinationConfig', 'onFailure', 'topic'],
};
const OUTPUT_TOPIC: WrittenTopic = { what: 'outputs', commits: true, fields: ['output', 'topic'] };

async function checkTopic(
  { connection, topic }: NonNullable<MappingConfig['onFailureTopic']>,
  connections: Config['connections'],
  { what, commits, fields }: WrittenTopic,
  add: Add,
): Promise<void> {
  const cluster = connections.get(connection);
  if (cluster?.type !== 'kafka') return;
  const waited = 'create it, or ignore this: until it is there they wait in the outbox';
  for (const { code, message, hint } of await topicFaults(cluster, { topic, act: 'write', commits }))
    add('error', code, fields, `the ${what} go to a topic: ${message}`, hint || waited);
}

async function checkOutput(redis: Redis, keys: Keys, stream: string, add: Add): Promise<void> {
  if ((await redis.exists(keys.stream(stream))) === 1) return;
  const type = await redis.type(stream);
  if (type === 'stream') return;
  const fields = ['output', 'stream'];
  if (type === 'none') {
    const hint = `create it with \`millrace stream create ${stream}\`, or ignore this: a plain stream begins with its first output`;
    return add('error', 'stream-missing', fields, `there is no stream \`${stream}\` on this server`, hint);
  }
  add('error', 'stream-wrong-type', fields, `the key \`${stream}\` is a ${type}, not a stream`, 'name another stream');
}

type OtherRedis = Extract<MappingConfig['output'], { type: 'redis-stream' }>;

async function checkOtherRedis(
  own: Redis,
  keys: Keys,
  { connection = '', stream }: OtherRedis,
  connections: Config['connections'],
  add: Add,
): Promise<void> {
  const server = connections.get(connection);
  if (server?.type !== 'redis') return;
  const field = ['output', 'connection'];
  const redis = await connectRedis(server.url, {
    role: 'validate',
    timeoutMs: VALIDATE_CONNECT_MS,
    options: { commandTimeout: VALIDATE_CONNECT_MS },
  });
  try {
    await checkServer(redis);
    if ((await runIdOf(redis)) === (await runIdOf(own)) && redis.options.db === own.options.db)
      add(
        'warning',
        'no-effect',
        field,
        `\`${connection}\` is the Redis that the mapping runs on`,
        'remove it: the outputs are then appended by the settle itself',
      );
    await checkOutput(redis, keys, stream, add);
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'redis-unsuitable') throw error;
    add('error', error.code, field, error.message, error.hint ?? `look at connections.${connection}`);
  } finally {
    disconnect(redis);
  }
}

/** Tells servers apart, by whatever address they are known. */
async function runIdOf(redis: Redis): Promise<string> {
  return /run_id:(\w+)/.exec(await redis.info('server'))?.[1] ?? '';
}

/** A mapping that runs already, under the same name but otherwise than this file has it (product.md, "Namespaces and mappings"). */
async function checkStored(redis: Redis, keys: Keys, mapping: MappingConfig, add: Add): Promise<void> {
  const [pinned, source] = await redis.hmget(keys.mapping(mapping.name), 'pinned', 'identity');
  if (typeof pinned !== 'string' || pinned === JSON.stringify(mapping.pinned)) return;
  if (source !== sourceIdentity(mapping.source)) {
    const hint = `give it another name, or drop its state with \`millrace mapping forget ${mapping.name} --yes\``;
    add(
      'error',
      'source-conflict',
      ['source'],
      'this name belongs to a mapping with another source, whose position is kept',
      hint,
    );
    return;
  }
  const stored = JSON.parse(pinned) as Readonly<Record<string, unknown>>;
  const names = Object.keys({ ...stored, ...mapping.pinned });
  const changed = names.filter((name) => JSON.stringify(stored[name]) !== JSON.stringify(mapping.pinned[name])).sort();
  const message = `differs from the mapping that is there in ${changed.join(', ')}`;
  const hint =
    'it takes effect when no daemon runs the mapping as it is, or by `millrace mapping apply`; positions are kept';
  add('warning', 'config-conflict', changed.length === 1 ? [changed[0]!] : [], message, hint);
}
