/** Which Redis and namespace a stream command works on, and the connection to it. */
import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { MillraceError } from '../errors.ts';
import { requireConfig } from '../mapping/require-config.ts';
import { checkServer, connectRedis, disconnect, type Redis } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';

export interface TargetOptions {
  readonly config?: string;
  readonly redis?: string;
  readonly namespace?: string;
}

const DEFAULT_CONFIG = 'millrace.yaml';
const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEFAULT_NAMESPACE = 'millrace';

export const TARGET_HELP = `
Redis and namespace are those of the configuration file, if there is one (-c, or millrace.yaml here); else REDIS_URL,
else redis://127.0.0.1:6379. --redis and --namespace win over both.`;

export function addTargetOptions(command: Command): Command {
  return command
    .option(
      '-c, --config <PATH>',
      'configuration to take Redis and namespace from (default: millrace.yaml if it exists)',
    )
    .option('--redis <URL>', 'Redis server, instead of the configured one')
    .option('--namespace <NAME>', 'namespace, instead of the configured one');
}

/** With both options given no configuration is read, so that these commands work beside one that is not finished yet. */
export function resolveTarget(
  options: TargetOptions,
  env: NodeJS.ProcessEnv = process.env,
): { url: string; keys: Keys } {
  const { redis, namespace } = options;
  const path = options.config ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined);
  const config =
    path === undefined || (redis !== undefined && namespace !== undefined) ? undefined : requireConfig(path, env);
  if (namespace !== undefined && !/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) {
    throw new MillraceError('usage', `"${namespace.slice(0, 100)}" cannot be a namespace`, {
      hint: 'use 1 to 64 letters, digits, "_", "." and "-"',
    });
  }
  return {
    url: redis ?? config?.redis ?? (env.REDIS_URL || DEFAULT_URL),
    keys: new Keys(namespace ?? config?.namespace ?? DEFAULT_NAMESPACE),
  };
}

/** `writes`: also refuse a server on which records would not be safe. */
export async function withRedis<T>(
  options: TargetOptions,
  { writes }: { readonly writes: boolean },
  work: (redis: Redis, keys: Keys) => Promise<T>,
): Promise<T> {
  const { url, keys } = resolveTarget(options);
  const redis = await connectRedis(url, { role: 'cli' });
  try {
    if (writes) await checkServer(redis);
    return await work(redis, keys);
  } finally {
    disconnect(redis);
  }
}

/** For commander: a whole number, or its sentence. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It is not a whole number.');
  return value;
}
