/** Faults of one daemon's way to Redis (lab/network.ts). */
import { LOCK_MS } from '../../../src/limits.ts';
import {
  type Breakage,
  CLOSED,
  DOUBLED,
  DRIP_DOWN,
  DRIP_UP,
  HALF_OPEN,
  REFUSED,
  RESET,
  SILENT,
  SILENT_DOWN,
  SILENT_UP,
  slow,
  TORN_REPLY,
} from '../lab/network.ts';
import { breakNetwork, hasHit } from '../lab/network-nemesis.ts';
import type { Random } from '../lab/random.ts';
import { hasTurn } from './daemon-faults.ts';
import type { Fault } from './fault.ts';

/** From a blink to longer than a lock lives. */
const LASTS_MS = [200, LOCK_MS + 2_000] as const;

function network(name: string, says: string, draw: (random: Random) => Breakage): Fault {
  return {
    name,
    says,
    touches: 'daemon',
    needsLinks: true,
    strike: ({ lab, daemons, random }) =>
      daemons.withOne('executor', random, hasTurn(lab), async (daemon) =>
        hasHit(await breakNetwork(lab, draw(random), [daemon], random.between(...LASTS_MS))),
      ),
  };
}

export const NETWORK_FAULTS: readonly Fault[] = [
  network('cut', 'the connections of a daemon are reset or closed; it had a shard in hand', (random) =>
    random.pick([RESET, CLOSED]),
  ),
  network('half-open', "the server's end of them vanishes without a word; it had a shard in hand", () => HALF_OPEN),
  network('torn-reply', 'the next reply on each comes by half, then a reset; one did', () => TORN_REPLY),
  network('black-hole', 'what it says, or hears, or both, is held for up to 7 s; some of it was', (random) =>
    random.pick([SILENT_UP, SILENT_DOWN, SILENT]),
  ),
  network('refused', 'they are reset, and new ones refused for up to 7 s; one was', () => REFUSED),
  network('latency', 'answers come up to 2 s late, for up to 7 s; some did', (random) =>
    slow(random.between(50, 2_000), random.pick(['up', 'down', 'both'])),
  ),
  network('drip', 'no more than 1 kB a second on each connection, for up to 7 s; some of it was slowed', (random) =>
    random.pick([DRIP_UP, DRIP_DOWN]),
  ),
  network('doubled', 'they are reset, and each new one is made twice; one was', () => DOUBLED),
];
