/**
 * Connections that are made of one, and its fate with it. Blocking reads are silent for up to ten seconds and cannot be asked meanwhile, so
 * when the server's end of all connections is gone without a word, they would be the last to notice. The first is asked once a second: when
 * it is silent for too long, they are made anew, too.
 */
import { HEARTBEAT_MS, REDIS_LOOK_MS } from '../limits.ts';
import type { Redis } from './connect.ts';

/** The greeting counts: what waits for its answer may wait as long as for that of a blocking read. */
const CONNECTED: ReadonlySet<string> = new Set(['connect', 'ready']);

/** From here on, for everything that is made by `first.duplicate()`. */
export function giveUpTogether(first: Redis): void {
  const made = new Set<Redis>();
  const { duplicate } = first;
  first.duplicate = (override) => {
    const one = duplicate.call(first, override);
    made.add(one);
    one.once('end', () => made.delete(one));
    return one;
  };
  const stoodStill = watchStandstill(first);
  // Once per silence: while the first is not back, new ones have nothing to tell.
  let wasReady = first.status === 'ready';
  first.on('ready', () => (wasReady = true));
  first.on('error', (error: Error) => {
    // After a standstill of our own it is we who have not listened, and the locks have no time for reconnections.
    if (!wasReady || !isSilence(error) || stoodStill()) return;
    wasReady = false;
    // As ioredis does it itself: an orderly end would wait for the other side.
    for (const one of made) if (CONNECTED.has(one.status)) one.stream.destroy(error);
  });
}

/** Says whether this process stood still until a moment ago, for as long as `redis` lives. */
function watchStandstill(redis: Redis): () => boolean {
  let lookedAt = performance.now();
  let wokeAt = -Infinity;
  const looking = setInterval(() => {
    const now = performance.now();
    if (now - lookedAt > HEARTBEAT_MS) wokeAt = now;
    lookedAt = now;
  }, REDIS_LOOK_MS).unref();
  redis.once('end', () => clearInterval(looking));
  return () => {
    const now = performance.now();
    return now - lookedAt > HEARTBEAT_MS || now - wokeAt < REDIS_LOOK_MS;
  };
}

/** ioredis' own, of `socketTimeout`. */
function isSilence(error: Error): boolean {
  return error.message.startsWith('Socket timeout');
}
