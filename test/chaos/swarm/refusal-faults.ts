/**
 * A Redis that is there and refuses (lab/refusals.ts). With a full disk one that syncs every write, as that of a swarm does, ends; so that is
 * not among them.
 */
import { pause } from '../lab/lab.ts';
import { MEMORY_FULL, READ_ONLY, type Refusal, whileRefused } from '../lab/refusals.ts';
import { anyTurn, type Fault } from './fault.ts';

const LASTS_MS = [500, 3_000] as const;

const refused = (refusal: Refusal, fault: Pick<Fault, 'name' | 'says' | 'touches'>): Fault => ({
  ...fault,
  strike: async ({ lab, random }) => {
    // A daemon that starts meanwhile is told that this is no primary, and ends; one may have been started by the strike before.
    await Promise.all(lab.alive().map(({ process }) => process.ready));
    const hit = await anyTurn(lab);
    await whileRefused(lab, refusal, () => pause(random.between(...LASTS_MS)));
    return hit;
  },
});

export const REFUSAL_FAULTS: readonly Fault[] = [
  refused(MEMORY_FULL, {
    name: 'memory-full',
    says: "Redis' `maxmemory` is reached for up to 3 s; it refused a write, and somebody had a turn",
    touches: ['redis', 'shard'],
  }),
  refused(READ_ONLY, {
    name: 'read-only',
    says: 'Redis is a replica of nobody for up to 3 s; it refused a write, and somebody had a turn',
    // No daemon starts meanwhile.
    touches: 'everything',
  }),
];
