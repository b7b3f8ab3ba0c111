/**
 * Connections that are made of one, and its fate with it. Blocking reads are silent for up to ten seconds and cannot be asked meanwhile, so
 * when the server's end of all connections is gone without a word, they would be the last to notice. The first is asked once a second: when
 * it is silent for too long, they are made anew, too.
 */
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
  // Once per silence: while the first is not back, new ones have nothing to tell.
  let wasReady = first.status === 'ready';
  first.on('ready', () => (wasReady = true));
  first.on('error', (error: Error) => {
    if (!wasReady || !isSilence(error)) return;
    wasReady = false;
    // As ioredis does it itself: an orderly end would wait for the other side.
    for (const one of made) if (CONNECTED.has(one.status)) one.stream.destroy(error);
  });
}

/** ioredis' own, of `socketTimeout`. */
function isSilence(error: Error): boolean {
  return error.message.startsWith('Socket timeout');
}
