/**
 * Redis behind Sentinels: which server is the primary is asked of them each time that a connection is made. A primary that they replace closes
 * its connections when it is told (Redis does so), or is dead; whoever connects anew asks again.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { REDIS_RECONNECT_FIRST_MS, REDIS_RECONNECT_MAX_MS, SENTINEL_ANSWER_MS } from '../limits.ts';
import type { HostPort, SentinelUrl } from './sentinel-url.ts';

/** For ioredis, which asks them itself, and gives up a server that says it is no primary. */
export function sentinelOptions(url: SentinelUrl): Omit<RedisOptions, 'replyMapping'> {
  const { sentinels, name, db, tls, username, password, sentinelUsername, sentinelPassword } = url;
  return {
    ...{ sentinels: sentinels.map((one) => ({ ...one })), name, role: 'master', db },
    ...{ connectTimeout: SENTINEL_ANSWER_MS, sentinelCommandTimeout: SENTINEL_ANSWER_MS },
    // Between rounds; each Sentinel that is away takes its time besides.
    sentinelRetryStrategy: (times) =>
      Math.min(REDIS_RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), REDIS_RECONNECT_MAX_MS),
    // A write that a replaced primary refuses is made again to its successor, after connecting anew.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

/** Of the first Sentinel that knows. Rejects when none does, each asked once; ends within SENTINEL_ANSWER_MS for each, twice where it takes the connection only. */
export async function findPrimary(url: SentinelUrl): Promise<HostPort> {
  let last = 'none was asked';
  for (const sentinel of url.sentinels) {
    try {
      const found = await ask(sentinel, url);
      if (found) return found;
      last = `${sentinel.host}:${sentinel.port} knows no primary of that name`;
    } catch (error) {
      last = `${sentinel.host}:${sentinel.port}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  throw new Error(`no Sentinel names the primary ${url.name}: ${last}`);
}

async function ask(sentinel: HostPort, url: SentinelUrl): Promise<HostPort | null> {
  const client = new Redis({
    ...sentinel,
    ...(url.sentinelUsername !== undefined && { username: url.sentinelUsername }),
    ...(url.sentinelPassword !== undefined && { password: url.sentinelPassword }),
    ...(url.tls && { tls: {} }),
    ...{ connectTimeout: SENTINEL_ANSWER_MS, commandTimeout: SENTINEL_ANSWER_MS, enableReadyCheck: false },
    ...{ lazyConnect: true, retryStrategy: null, protocol: 2 },
  });
  let why: Error | undefined;
  client.on('error', (error: Error) => (why = error));
  try {
    const found = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', url.name)) as [string, string] | null;
    return found && { host: found[0], port: Number(found[1]) };
  } catch (error) {
    // That the connection is closed says less than why it could not be made.
    throw why ?? error;
  } finally {
    client.disconnect();
  }
}
