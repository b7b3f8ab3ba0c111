/** What ioredis' connections have in common, whoever names their server. */
import type { RedisOptions } from 'ioredis';
import { REDIS_RECONNECT_FIRST_MS, REDIS_RECONNECT_MAX_MS } from '../limits.ts';

/** Without `replyMapping`, which protocol 2 does not have. */
export type Settings = Omit<RedisOptions, 'replyMapping'>;

/** Work goes on within 5 s after Redis is back (contract.md), so the pause never grows beyond a second. */
export const reconnectPauseMs = (times: number): number =>
  Math.min(REDIS_RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10), REDIS_RECONNECT_MAX_MS);
