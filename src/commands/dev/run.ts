/** `millrace dev` from beginning to end: a Redis of its own, a daemon on it, a look at it again and again, a summary. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { formatProblem } from '../../mapping/format-problem.ts';
import { requireConfig } from '../../mapping/require-config.ts';
import type { Config, Problem } from '../../mapping/types.ts';
import type { Logger } from '../../observe/logger.ts';
import { collectStatus } from '../../observe/status.ts';
import { connectRedis, type Redis } from '../../redis/connect.ts';
import { Keys } from '../../redis/keys.ts';
import { openPrivateRedis } from '../../redis/private.ts';
import type { RedisServer } from '../../redis/server.ts';
import { type MappingProgress, Progress } from './progress.ts';
import type { Screen } from './screen.ts';
import { type DevDaemon, Session } from './session.ts';
import { Stopping } from './stopping.ts';
import type { Paint } from './view.ts';

export interface DevOptions {
  readonly config: string;
  readonly untilDrained: boolean;
  /** A server to work on instead of one of its own. */
  readonly redis: string | undefined;
  /** Where its own Redis keeps its data; default: `.millrace` beside the configuration. */
  readonly stateDir?: string;
  /** Where a Redis binary is unpacked to when none is installed; default: stateDir. */
  readonly binaryDir?: string;
  /** Begin with an empty Redis of its own. */
  readonly fresh?: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Runs before the daemon starts, e.g. to fill a stream. */
  readonly prepare?: (url: string, keys: Keys) => Promise<void>;
  /** Lines of the caller's own, below the view and at the end of the summary. */
  readonly footer?: () => readonly string[];
  readonly summary?: (redis: Redis, keys: Keys, progress: readonly MappingProgress[]) => Promise<readonly string[]>;
}

export interface DevDependencies {
  readonly screen: Screen;
  readonly paint: Paint;
  readonly openLog: (secrets: readonly string[]) => Logger;
  readonly startDaemon: (config: Config, log: Logger) => Promise<DevDaemon>;
}

/** For the first reading, which only finds out whether the configuration is good. */
const NO_SERVER = 'redis://127.0.0.1:6379';

/** Resolves with the exit code. */
export async function runDev(options: DevOptions, dependencies: DevDependencies): Promise<number> {
  const stopping = new Stopping();
  let own: RedisServer | undefined;
  try {
    load(options, NO_SERVER);
    own = await openOwn(options, dependencies.screen);
    return await runOn(options.redis ?? own!.url, options, dependencies, stopping);
  } finally {
    await own?.stop();
    stopping.close();
  }
}

async function openOwn(options: DevOptions, screen: Screen): Promise<RedisServer | undefined> {
  if (options.redis !== undefined) return undefined;
  const stateDir = options.stateDir ?? path.join(directoryOf(options.config), '.millrace');
  const { binaryDir = stateDir, fresh = false } = options;
  return openPrivateRedis({ stateDir, binaryDir, fresh, say: (text) => screen.print([text]) });
}

async function runOn(
  url: string,
  options: DevOptions,
  { screen, paint, openLog, startDaemon }: DevDependencies,
  stopping: Stopping,
): Promise<number> {
  const config = load(options, url, (problem) => screen.print([formatProblem(problem)]));
  const keys = new Keys(config.namespace);
  await options.prepare?.(url, keys);
  const log = openLog(config.secrets);
  const redis = await connectRedis(url, { role: 'dev', log });
  try {
    const progress = new Progress();
    progress.next(await collectStatus(redis, keys));
    const daemon = await startDaemon(config, log);
    const session = new Session({
      ...{ title: options.config, untilDrained: options.untilDrained, config, load: () => load(options, url) },
      ...{
        progress,
        redis,
        keys,
        daemon,
        screen,
        paint,
        signal: stopping.signal,
        footer: options.footer ?? (() => []),
      },
    });
    try {
      await session.untilEnd();
      const exitCode = await stopping.bounded(daemon, longestTimeoutMs(session.current));
      await log.end();
      screen.finish();
      const { lines, progress } = await session.summary();
      screen.print([...lines, ...((await options.summary?.(redis, keys, progress)) ?? [])]);
      return exitCode;
    } finally {
      session.close();
      await daemon.abort();
    }
  } finally {
    redis.disconnect();
  }
}

/** The configuration, on the Redis of this run whatever it says. */
function load(options: DevOptions, url: string, onWarning: (problem: Problem) => void = () => undefined): Config {
  const config = requireConfig(options.config, { ...options.env, REDIS_URL: url }, { onWarning });
  return { ...config, redis: url };
}

function longestTimeoutMs(config: Config): number {
  return Math.max(0, ...[...config.functions.values()].map((fn) => fn.timeout * 1_000));
}

/** Of the configuration, which may be a directory itself; it has been read by now. */
function directoryOf(config: string): string {
  const file = path.resolve(config);
  return statSync(file).isDirectory() ? file : path.dirname(file);
}
