/** What can become of a daemon's way to Redis, as things that a test does to its link. Each is over, and mended, when it resolves. */
import { performance } from 'node:perf_hooks';
import { pause } from './lab.ts';
import type { Link } from './link.ts';

/** A half-open connection that nobody notices for so long is one that nobody will. */
const NOTICED_MS_MAX = 30_000;
/** Until a reply comes that can be torn: each daemon asks once a second. */
const REPLY_MS_MAX = 3_000;

export interface Breakage {
  readonly name: string;
  /** For as long as it is told to; else it is done in an instant. */
  readonly lasts: boolean;
  befall(link: Link, lastsMs: number): Promise<void>;
}

async function until(done: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!done() && performance.now() < deadline) await pause(5);
}

const lasting = (name: string, begin: (link: Link) => void | Promise<void>): Breakage => ({
  name,
  lasts: true,
  befall: async (link, lastsMs) => {
    await begin(link);
    await pause(lastsMs);
    await link.heal();
  },
});

const instant = (name: string, befall: (link: Link) => void | Promise<void>): Breakage => ({
  name,
  lasts: false,
  befall: async (link) => await befall(link),
});

export const RESET = instant('reset', (link) => link.cut('RST'));
export const CLOSED = instant('closed', (link) => link.cut('FIN'));
export const TORN_REPLY = instant('torn reply', async (link) => {
  link.tearReplies();
  await until(() => link.touched() > 0, REPLY_MS_MAX);
});
/** Over when the daemon has given up all of those connections. */
export const HALF_OPEN = instant('half-open', async (link) => {
  link.vanish();
  await until(() => link.unnoticed() === 0, NOTICED_MS_MAX);
});
export const SILENT_UP = lasting('black hole up', (link) => link.hold('up'));
export const SILENT_DOWN = lasting('black hole down', (link) => link.hold('down'));
export const SILENT = lasting('black hole', (link) => {
  link.hold('up');
  link.hold('down');
});
export const REFUSED = lasting('refused', async (link) => {
  link.cut('RST');
  await link.refuse();
});

/** Those that cut, or seem to. */
export const BROKEN: readonly Breakage[] = [
  ...[RESET, CLOSED, TORN_REPLY, HALF_OPEN],
  ...[SILENT_UP, SILENT_DOWN, SILENT, REFUSED],
];

/** `ms` for a question and its answer, on the way there, on the way back, or on both. */
export function slow(ms: number, where: 'up' | 'down' | 'both'): Breakage {
  return lasting(`${ms} ms ${where}`, (link) => {
    if (where === 'both') {
      link.delay('up', ms / 2);
      link.delay('down', ms / 2);
    } else link.delay(where, ms);
  });
}

const DRIP_BYTES_PER_SECOND = 1_000;
export const DRIP_UP = lasting('drip up', (link) => link.drip('up', DRIP_BYTES_PER_SECOND));
export const DRIP_DOWN = lasting('drip down', (link) => link.drip('down', DRIP_BYTES_PER_SECOND));
/** Connections are made anew, each of them twice. */
export const DOUBLED = lasting('doubled', (link) => {
  link.cut('RST');
  link.doubleConnects();
});
