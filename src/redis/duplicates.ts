/**
 * Connections on which the other end is gone without a word, and the fate of those that are made of one. Blocking reads are silent for up to
 * ten seconds and cannot be asked meanwhile, so when the server's end of all connections is gone, they would be the last to notice. The first
 * is asked once a second: when it is silent for too long, they are made anew, too.
 *
 * ioredis' own `socketTimeout` is told by a clock: a process that stood still wakes to a time that is over, and gives up a connection on which
 * the answer lies unread. A reconnection then takes what was left of its locks.
 */
import type { RedisOptions } from 'ioredis';
import { REDIS_LOOK_MS, REDIS_SILENCE_MS } from '../limits.ts';
import type { Redis } from './connect.ts';

/** The greeting counts: what waits for its answer may wait as long as for that of a blocking read. */
const CONNECTED: ReadonlySet<string> = new Set(['connect', 'ready']);

/**
 * Of a connection and all that are made by its `duplicate()` from here on. `socketTimeout` of a duplicate, in ms, is its own limit. Where
 * Sentinels name the server, the first one alone follows them: whatever ended it, all are made anew.
 */
export function giveUpTogether(first: Redis): void {
  const made = new Set<Redis>();
  const { duplicate } = first;
  first.duplicate = (override) => {
    const options: Partial<RedisOptions> = { ...override };
    delete options.socketTimeout;
    const one = duplicate.call(first, options);
    made.add(one);
    giveUpSilent(one, override?.socketTimeout ?? REDIS_SILENCE_MS);
    one.once('end', () => made.delete(one));
    return one;
  };
  // As ioredis does it itself: an orderly end would wait for the other side.
  const endAll = (error: Error) => made.forEach((one) => CONNECTED.has(one.status) && one.stream.destroy(error));
  if (first.options.sentinels) first.on('close', () => endAll(new Error('the server may be another one now')));
  // Once per silence: while the first is not back, new ones have nothing to tell.
  let wasReady = first.status === 'ready';
  first.on('ready', () => (wasReady = true));
  giveUpSilent(first, REDIS_SILENCE_MS, (error) => {
    if (!wasReady) return;
    wasReady = false;
    endAll(error);
  });
}

/**
 * Ends the connection, which ioredis then makes anew, when an answer is due and nothing has come for `limitMs`. Told in looks, so that time in
 * which this process stood still is one look, after which what came meanwhile is read.
 */
export function giveUpSilent(redis: Redis, limitMs: number, onGivenUp: (error: Error) => void = () => undefined): void {
  const looksMax = Math.ceil(limitMs / REDIS_LOOK_MS);
  let looks = 0;
  let heard: unknown;
  let bytes = 0;
  const looking = setInterval(() => {
    const { stream } = redis;
    const asked = CONNECTED.has(redis.status) && redis.commandQueue.length > 0;
    if (!asked || stream !== heard || stream.bytesRead !== bytes) {
      looks = 0;
      heard = stream;
      bytes = asked ? stream.bytesRead : 0;
    } else if (++looks >= looksMax) {
      looks = 0;
      const error = new Error(`Socket timeout: an answer is due, and nothing came for ${limitMs} ms`);
      stream.destroy(error);
      onGivenUp(error);
    }
  }, REDIS_LOOK_MS).unref();
  redis.once('end', () => clearInterval(looking));
}
