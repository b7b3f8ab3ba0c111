/** Connections to Redis, and whether a server is one that Millrace can keep its promises on. */
import { Redis } from 'ioredis';
import { MillraceError } from '../errors.ts';
import { REDIS_CONNECT_TIMEOUT_MS, REDIS_LOADING_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { openBehindSentinels } from './sentinel.ts';
import { isSentinelUrl, readSentinelUrl, scrubSentinelUrl } from './sentinel-url.ts';
import { reconnectPauseMs, type Settings } from './settings.ts';

export type { Redis } from 'ioredis';

/** What Redis' clock says, in whole ms: the one that ages, waits and notices are told by. */
export async function serverMs(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

export interface ConnectOptions {
  /** What the connection is for; `CLIENT LIST` shows it as `millrace:<role>`. */
  readonly role: string;
  readonly log?: Log;
  /** How long the first connection may take, retries included. */
  readonly timeoutMs?: number;
  /** Further ioredis options; they win over ours. */
  readonly options?: Settings;
}

/** The URL without its password, for messages. Text that is no URL is not repeated: it may be anything. */
export function scrubUrl(url: string): string {
  if (isSentinelUrl(url)) return scrubSentinelUrl(url);
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = '***';
    return parsed.toString();
  } catch {
    return '(malformed URL)';
  }
}

/** ioredis' word for a round that ended without a primary. */
const NO_SENTINEL = /^All sentinels are unreachable/;

/** What every connection of ours is set to, and why. */
function redisOptions(role: string): Settings {
  return {
    connectionName: `millrace:${role.replaceAll(/[^\w:.-]/g, '-')}`,
    lazyConnect: true,
    // Commands wait for the server to come back; callers that must not wait set their own deadline. BullMQ needs it as well.
    maxRetriesPerRequest: null,
    retryStrategy: reconnectPauseMs,
    // While it reads its files, too; ioredis would wait for as long as the server guesses, up to ten seconds.
    maxLoadingRetryTime: REDIS_LOADING_MS,
    connectTimeout: REDIS_CONNECT_TIMEOUT_MS,
    // RESP2: the reply shapes that our scripts, the lean readers and BullMQ are written for.
    protocol: 2,
    enableReadyCheck: true,
  };
}

/**
 * Connects and waits until the server is ready. It then reconnects by itself, for ever; close it with `disconnect()` or `quit()`.
 * Rejects with `redis-url` (malformed), `redis-unreachable` (nothing answered in time) or `redis-unsuitable` (wrong password).
 */
export async function connectRedis(url: string, options: ConnectOptions): Promise<Redis> {
  const settings = { ...redisOptions(options.role), ...options.options };
  const redis = isSentinelUrl(url) ? behindSentinels(url, settings) : new Redis(checked(url), settings);
  let last: Error | undefined;
  let ready = false;
  // What each Sentinel said tells more than that none of them helped.
  redis.on('sentinelError', (error: Error) => (last = error));
  redis.on('error', (error: Error) => {
    if (!last || !NO_SENTINEL.test(error.message)) last = error;
    if (ready) options.log?.warn({ role: options.role, err: error.message }, 'redis connection');
  });
  try {
    await firstReady(redis, options.timeoutMs ?? REDIS_CONNECT_TIMEOUT_MS, () => last);
  } catch (error) {
    redis.disconnect();
    throw unreachable(url, error instanceof Error ? error : undefined);
  }
  ready = true;
  return redis;
}

/** Once: a second `disconnect()` of ioredis arms a timer that nothing clears and that keeps the process alive for 2 s. */
export function disconnect(redis: Redis): void {
  if (redis.status !== 'end') redis.disconnect();
}

function behindSentinels(url: string, settings: Settings): Redis {
  const read = readSentinelUrl(url);
  if ('message' in read)
    throw new MillraceError('redis-url', `the Redis URL ${read.message}`, { hint: `write it as ${read.hint}` });
  return openBehindSentinels(read, settings);
}

/** The URL itself, when it is one. */
function checked(url: string): string {
  let scheme: string | undefined;
  try {
    scheme = new URL(url).protocol;
  } catch {
    scheme = undefined;
  }
  if (scheme === 'redis:' || scheme === 'rediss:') return url;
  throw new MillraceError('redis-url', `"${scrubUrl(url)}" is not a Redis URL`, {
    hint: 'write it as redis://[user:password@]host:port[/db], or rediss:// for TLS',
  });
}

/** A single refused attempt is no failure: a Redis that is started beside us gets the whole time. A refused password is one at once. */
function firstReady(redis: Redis, timeoutMs: number, last: () => Error | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('error', onError);
      if (error) reject(error);
      else resolve();
    };
    const onReady = () => finish();
    const onError = (error: Error) => {
      if (isRefusal(error)) finish(error);
    };
    const timer = setTimeout(() => finish(last() ?? new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    redis.on('ready', onReady);
    redis.on('error', onError);
    redis.connect().catch((error: unknown) => {
      if (error instanceof Error) onError(error);
    });
  });
}

function isRefusal(error: Error): boolean {
  return /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR DB index)/.test(error.message);
}

function unreachable(url: string, cause: Error | undefined): MillraceError {
  const where = scrubUrl(url);
  if (cause && isRefusal(cause)) {
    return new MillraceError('redis-unsuitable', `the Redis server at ${where} refused the login: ${cause.message}`, {
      hint: 'check user, password and database number in the Redis URL',
      cause,
    });
  }
  // An AggregateError (several addresses tried) has its reason inside.
  const reason = cause instanceof AggregateError ? (cause.errors[0] as Error).message : cause?.message;
  return new MillraceError(
    'redis-unreachable',
    `the Redis server at ${where} does not answer${reason ? `: ${reason}` : ''}`,
    {
      hint: 'is it running, and is the URL right (redis: in the configuration, --redis, or REDIS_URL)?',
      ...(cause ? { cause } : {}),
    },
  );
}

/** Refuses a server on which a promise would break. Rejects with `redis-unsuitable`, one sentence and what to do. */
export async function checkServer(redis: Redis): Promise<void> {
  const info = parseInfo(await redis.info());
  const version = info.get('redis_version') ?? '0';
  if (Number(version.split('.')[0]) < 7) {
    throw new MillraceError('redis-unsuitable', `the Redis server is version ${version}; Millrace needs 7.0 or later`, {
      hint: 'streams of older servers do not count the entries ever added, so that lost records could not be noticed',
    });
  }
  if (info.get('cluster_enabled') === '1') {
    throw new MillraceError(
      'redis-unsuitable',
      'the Redis server runs in cluster mode, which Millrace does not support yet',
      {
        hint: 'use a single server; a failover has to happen behind one address',
      },
    );
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    throw new MillraceError(
      'redis-unsuitable',
      `the Redis server is set to maxmemory-policy ${policy}: under memory pressure it would delete records and checkpoints silently`,
      { hint: 'run: redis-cli CONFIG SET maxmemory-policy noeviction (and put it into redis.conf)' },
    );
  }
  if (info.get('role') === 'slave') {
    throw new MillraceError('redis-unsuitable', 'the Redis server is a replica, which takes no writes', {
      hint: `its master is ${info.get('master_host') ?? 'unknown'}:${info.get('master_port') ?? '?'}`,
    });
  }
}

function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** Redis' ACL does not let this user do it. */
export function isNoPermission(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}

/** The key holds something else than the command is for. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}
