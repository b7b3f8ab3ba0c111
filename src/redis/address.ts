/** Where a server is, for connections of ours beside ioredis'. */
import { MillraceError } from '../errors.ts';
import { type HostPort, isSentinelUrl, readSentinelUrl, SENTINEL_URL_FORM } from './sentinel-url.ts';
import type { Redis } from './connect.ts';
import { placeOf } from './sentinel.ts';

export interface Address extends HostPort {
  /** Path of a unix socket; then host and port are not used. */
  readonly path?: string;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Asked before each connection where Sentinels name the server; then host and port are not used. Ends within its bound. */
  readonly find?: () => Promise<HostPort>;
  /** Calls whenever that may be another server by now. */
  readonly onMoved?: (listener: () => void) => void;
}

/**
 * redis://, rediss:// (user:password@host:port/db), unix:///path/to/socket, or that of Sentinels: then the place is where `redis` is.
 * @throws MillraceError `usage`; the message never repeats the URL, which may hold a password
 */
export function parseRedisUrl(text: string, redis?: Redis): Address {
  if (isSentinelUrl(text) && redis) return behindSentinels(text, redis);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:', 'unix:'].includes(url.protocol)) throw notUnderstood();
  const unix = url.protocol === 'unix:';
  const db = Number((unix ? url.searchParams.get('db') : url.pathname.slice(1)) || 0);
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || 6379),
    ...(unix ? { path: decodeURIComponent(url.pathname) } : {}),
    tls: url.protocol === 'rediss:',
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    db: Number.isInteger(db) ? db : 0,
  };
}

function behindSentinels(text: string, redis: Redis): Address {
  const read = readSentinelUrl(text);
  if ('message' in read) throw notUnderstood();
  const { tls, db, username, password } = read;
  return {
    ...{ host: '', port: 0, tls, db },
    ...{ find: () => placeOf(redis), onMoved: (listener) => void redis.on('close', listener) },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

function notUnderstood(): MillraceError {
  return new MillraceError('usage', 'the Redis URL is not understood', {
    hint: `redis://[user:password@]host:port[/db], rediss://… for TLS, unix:///path/to/socket, or ${SENTINEL_URL_FORM}`,
  });
}
