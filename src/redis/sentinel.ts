/**
 * Redis behind Sentinels: which server is the primary is asked of them each time that a connection is made. When they replace it, they tell
 * whoever follows, whose connections end; those that are made of one end with it (duplicates.ts), as do ours that are where it is (address.ts).
 */
import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import { REDIS_CONNECT_TIMEOUT_MS, SENTINEL_ANSWER_MS, SENTINEL_LATE_MS } from '../limits.ts';
import type { HostPort, SentinelUrl } from './sentinel-url.ts';
import { reconnectPauseMs, type Settings } from './settings.ts';

/** The channel on which they tell of a change: the name, the old place, the new one. */
const SWITCHED = '+switch-master';

/** What one Sentinel has told and others may not know yet: those would name the old primary, which goes on as one for some seconds. */
class Moves {
  readonly #moves = new Map<string, { readonly to: HostPort; readonly atMs: number }>();

  /** True when it is news. */
  tell(from: HostPort, to: HostPort): boolean {
    const known = this.of(nameOf(from));
    this.#moves.delete(nameOf(to));
    this.#moves.set(nameOf(from), { to, atMs: performance.now() });
    return known === null || nameOf(known) !== nameOf(to);
  }

  of(place: string): HostPort | null {
    const move = this.#moves.get(place);
    return move && performance.now() - move.atMs < SENTINEL_LATE_MS ? move.to : null;
  }
}

/** What servers were called by port, for each connection: certificates are for names, and the connection knows only addresses. */
const named = new WeakMap<Redis, Map<number, string>>();

const nameOf = ({ host, port }: HostPort): string => `${host}:${port}`;

/**
 * A connection to the primary, and to the next one when it is another: ended by the first Sentinel that tells so, until its own end. One that
 * was replaced while it lives goes on for some ten seconds with whoever does not hear of it, and all of that is lost. (`failoverDetector` of
 * ioredis ends a connection for good when the word comes while it is being made.)
 */
export function openBehindSentinels(url: SentinelUrl, settings: Settings): Redis {
  const moves = new Moves();
  const names = new Map<number, string>();
  const natMap = (place: string): HostPort | null => {
    const to = moves.of(place);
    const at = place.lastIndexOf(':');
    names.set(to?.port ?? Number(place.slice(at + 1)), to?.host ?? place.slice(0, at));
    return to;
  };
  const redis = new Redis({ ...settings, ...sentinelOptions(url), natMap });
  named.set(redis, names);
  const end = () => redis.stream.destroy(new Error('the primary is another one now'));
  const listeners = url.sentinels.map((sentinel) => {
    const listener = new Redis({
      ...clientOf(sentinel, url),
      ...{ maxRetriesPerRequest: null, retryStrategy: reconnectPauseMs, connectTimeout: SENTINEL_ANSWER_MS },
    });
    // Another one may tell; this one is connected to again.
    listener.on('error', () => undefined);
    listener.subscribe(SWITCHED).catch(() => undefined);
    listener.on('message', (_channel: string, text: string) => {
      const [name, fromHost, fromPort, host, port] = text.split(' ') as [string, string, string, string, string];
      if (name !== url.name) return;
      const isNews = moves.tell({ host: fromHost, port: Number(fromPort) }, { host, port: Number(port) });
      if (!isNews) return;
      if (redis.status === 'connect' || redis.status === 'ready') end();
      else redis.once('connect', end);
    });
    return listener;
  });
  redis.once('end', () => listeners.forEach((listener) => listener.disconnect()));
  return redis;
}

/** For ioredis, which asks the Sentinels itself, and gives up a server that says it is no primary. */
function sentinelOptions(url: SentinelUrl): Settings {
  const { sentinels, name, db, tls, username, password, sentinelUsername, sentinelPassword } = url;
  return {
    ...{ sentinels: sentinels.map((one) => ({ ...one })), name, role: 'master', db },
    ...{ connectTimeout: SENTINEL_ANSWER_MS, sentinelCommandTimeout: SENTINEL_ANSWER_MS },
    // Between rounds; each Sentinel that is away takes its time besides.
    sentinelRetryStrategy: reconnectPauseMs,
    // A write that a replaced primary refuses is made again to its successor, after connecting anew.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

function clientOf(sentinel: HostPort, { sentinelUsername, sentinelPassword, tls }: SentinelUrl): Settings {
  return {
    ...sentinel,
    ...(sentinelUsername !== undefined && { username: sentinelUsername }),
    ...(sentinelPassword !== undefined && { password: sentinelPassword }),
    ...(tls && { tls: {} }),
    ...{ enableReadyCheck: false, protocol: 2 },
  };
}

/**
 * Where the connection is, once it is at a primary: so all of a daemon are at the same server, also while Sentinels are of two minds.
 * Rejects when that does not come within REDIS_CONNECT_TIMEOUT_MS.
 */
export async function placeOf(redis: Redis): Promise<HostPort> {
  if (redis.status !== 'ready') await ready(redis);
  const { remoteAddress: host, remotePort: port } = redis.stream as { remoteAddress?: string; remotePort?: number };
  if (host === undefined || port === undefined) throw new Error('the connection to the primary has ended again');
  const name = named.get(redis)?.get(port);
  return { host: name === undefined || isIP(name) > 0 ? host : name, port };
}

function ready(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      if (error) reject(error);
      else resolve();
    };
    const onReady = () => done();
    redis.on('ready', onReady);
    const timer = setTimeout(() => done(new Error('there is no connection to a primary')), REDIS_CONNECT_TIMEOUT_MS);
  });
}
