/** R3: the process that runs a handler is killed; the attempt fails, once, and the executor goes on. */
import { expect, test } from 'vitest';
import type { HistoryLine } from '../support/history.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { isLoss, killSandboxes } from './lab/sandboxes.ts';

const KILLS = 100;
const AT_ONCE = 3;

/** Per unit: delivery numbers that reached no handler. Each needs a kill that came before the handler's first word. */
function skippedDeliveries(history: readonly HistoryLine[]): number {
  const seen = new Map<string, number[]>();
  for (const line of history) {
    if (line.kind === 'start') seen.set(line.requestId, [...(seen.get(line.requestId) ?? []), line.attempt]);
  }
  return [...seen.values()].reduce((sum, attempts) => sum + Math.max(...attempts) - new Set(attempts).size, 0);
}

test(`R3: ${KILLS} sandboxes killed while handlers run`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r03', seed: seedOf(103), shards: 12 }, async (lab) => {
    const daemon = lab.start('--concurrency', '6');
    await daemon.process.ready;
    lab.producer.start({ perSecond: 60, work: [20, 60], failing: 0.01 });
    const kills = timesOf(KILLS);
    let hits = 0;
    while (hits < kills) {
      await pause(lab.random.between(20, 400));
      hits += (await killSandboxes(lab, daemon, AT_ONCE)).length;
    }
    const checked = await lab.check();
    const losses = daemon.process.lines.filter(isLoss);
    const attempts = new Set(losses.map((line) => `${String(line['requestId'])}#${String(line['attempt'])}`));
    const skipped = skippedDeliveries(checked.history);
    report('R3', checked, { kills: hits, 'failed attempts': losses.length, skipped });
    mustBeClean(checked);
    expect(losses).toHaveLength(hits);
    expect(attempts.size).toBe(hits);
    expect(skipped).toBeLessThanOrEqual(hits);
    expect(daemon.alive).toBe(true);
    expect(await lab.terminate(daemon)).toBe(0);
  }),
);
