/** A run over a Redis that loses its last writes again and again, and what must be so at its end. */
import { expect } from 'vitest';
import { type Checked, type Lab, mustBeClean, pause, withLab } from './lab.ts';
import { beginCutting, bytesToCut, lossy, startReplica, tellLosses } from './lossy.ts';
import type { LabSpec } from './project.ts';
import { report, timesOf } from './report.ts';

const DAEMONS = 2;

async function beginLossy(lab: Lab): Promise<void> {
  for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
  lab.producer.start({ perSecond: 60, work: [5, 30], failing: 0.02 });
  const settled = async () => (await lab.look()).map(({ state }) => Number(state['n:succeeded'] ?? 0));
  await expect.poll(async () => Math.min(...(await settled())), { timeout: 60_000 }).toBeGreaterThan(2);
}

/** What the source has at the end is settled, each record in order; what runs again is Redis' doing, and nothing is told that is not so. */
async function endLossy(lab: Lab): Promise<Checked & { readonly sourceLost: number }> {
  await pause(500);
  await lab.drain();
  const sourceLost = await tellLosses(lab);
  const checked = await lab.check();
  mustBeClean(checked);
  expect(checked.end.notices.map(({ notice }) => notice.requestContext.condition)).toEqual([]);
  expect(lab.alive()).toHaveLength(DAEMONS);
  return { ...checked, sourceLost };
}

/** R10, `standard` times in the test command. Resolves with how many records the source lost. */
export async function cutTails(name: string, spec: LabSpec, standard: number): Promise<number> {
  return await withLab(spec, async (lab) => {
    await beginLossy(lab);
    const cutting = await beginCutting(lab);
    let cut = 0;
    const times = timesOf(standard);
    for (let time = 0; time < times; time++) {
      await pause(lab.random.between(800, 2_000));
      cut += await cutting.cut(bytesToCut(lab.random));
    }
    const checked = await endLossy(lab);
    report(name, checked, { times, bytesCut: cut, sourceLost: checked.sourceLost });
    expect(cut).toBeGreaterThan(times);
    return checked.sourceLost;
  });
}

/** R11 as Sentinels do it, after a SIGKILL and asked to in turn; likewise. */
export async function failOverBySentinels(name: string, spec: LabSpec, standard: number): Promise<number> {
  const group = spec.sentinels!;
  return await withLab(spec, async (lab) => {
    await beginLossy(lab);
    const times = timesOf(standard);
    for (let time = 0; time < times; time++) {
      await pause(lab.random.between(500, 2_000));
      if (time % 2 === 0) {
        let killed = await group.primary();
        await lossy(lab, 'the primary killed', async () => void (killed = await group.killPrimary()));
        await pause(lab.random.between(0, 1_500));
        await group.revive(killed);
      } else await lossy(lab, 'another primary asked for', () => group.switchOver());
    }
    const checked = await endLossy(lab);
    report(name, checked, { times, sourceLost: checked.sourceLost });
    return checked.sourceLost;
  });
}

/** R11; likewise. */
export async function failOver(name: string, spec: LabSpec, standard: number): Promise<number> {
  return await withLab(spec, async (lab) => {
    await beginLossy(lab);
    const times = timesOf(standard);
    for (let time = 0; time < times; time++) {
      const replica = await startReplica(lab);
      await pause(lab.random.between(300, 1_000));
      await replica.failOver(lab.random.between(0, 1_500));
    }
    const checked = await endLossy(lab);
    report(name, checked, { times, sourceLost: checked.sourceLost });
    // Handlers had ended some of what was lost, and did so again.
    expect(checked.reached.repeats).toBeGreaterThan(0);
    return checked.sourceLost;
  });
}
