/** A run over a Redis that loses its last writes again and again, and what must be so at its end. */
import { expect } from 'vitest';
import type { Checked, Lab } from './lab.ts';
import { mustBeClean, pause } from './lab.ts';
import { tellLosses } from './lossy.ts';

const DAEMONS = 2;

export async function beginLossy(lab: Lab): Promise<void> {
  for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
  lab.producer.start({ perSecond: 60, work: [5, 30], failing: 0.02 });
  const settled = async () => (await lab.look()).map(({ state }) => Number(state['n:succeeded'] ?? 0));
  await expect.poll(async () => Math.min(...(await settled())), { timeout: 60_000 }).toBeGreaterThan(2);
}

/** What the source has at the end is settled, each record in order; what runs again is Redis' doing, and nothing is told that is not so. */
export async function endLossy(lab: Lab): Promise<Checked & { readonly sourceLost: number }> {
  await pause(500);
  await lab.drain();
  const sourceLost = await tellLosses(lab);
  const checked = await lab.check();
  mustBeClean(checked);
  expect(checked.end.notices.map(({ notice }) => notice.requestContext.condition)).toEqual([]);
  expect(lab.alive()).toHaveLength(DAEMONS);
  return { ...checked, sourceLost };
}
