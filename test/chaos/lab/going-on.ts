/** Two daemons under load, and whether every shard gets on. */
import { eventually } from '../../support/daemon.ts';
import type { Lab } from './lab.ts';

const AGAIN_MS_MAX = 20_000;

/** Two daemons at work. */
export async function startTwo(lab: Lab): Promise<void> {
  for (let i = 0; i < 2; i++) lab.start('--concurrency', '6');
  await Promise.all(lab.daemons.map(({ process }) => process.ready));
  lab.producer.start({ perSecond: 40, work: [5, 20], failing: 0.02 });
  await goOn(lab);
}

/** Waits until every shard has settled something, from now on. */
export async function goOn(lab: Lab, withinMs = AGAIN_MS_MAX): Promise<void> {
  const settled = async () => new Map((await lab.look()).map(({ shard, state }) => [shard, state['n:succeeded']]));
  const before = await settled();
  const still = async () => {
    const now = await settled();
    return lab.shards
      .filter((shard) => now.get(shard) === undefined || now.get(shard) === before.get(shard))
      .map(({ name }) => name);
  };
  const what = 'every shard has settled something again';
  await eventually(still, (names) => names.length === 0, { withinMs, everyMs: 50, what });
}

/** Lines of all daemons. */
export function said(lab: Lab, pattern: RegExp): number {
  return lab.daemons.flatMap(({ process }) => process.lines).filter(({ msg }) => pattern.test(msg)).length;
}
