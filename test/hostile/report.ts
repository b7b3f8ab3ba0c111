/** The account of a run in text: a line per case, what was wrong, and how the process and the victim fared. */
import type { CaseRun } from './arena.ts';
import type { Health } from './arena-process.ts';
import { quantile } from './quantile.ts';

const WRONG_SHOWN = 50;

export function caseTable(runs: readonly CaseRun[]): string[] {
  const byName = new Map<string, CaseRun[]>();
  for (const run of runs) byName.set(run.name, [...(byName.get(run.name) ?? []), run]);
  const head = '   # runs   ms: min  median     max  child MB  outcomes, case';
  const rows = [...byName.values()]
    .sort((a, b) => (a[0]!.number ?? 1000) - (b[0]!.number ?? 1000))
    .map((of) => {
      const times = of.map(({ durationMs }) => durationMs);
      const counts = new Map<string, number>();
      for (const { word } of of) counts.set(word, (counts.get(word) ?? 0) + 1);
      const words = [...counts].map(([word, count]) => `${word.slice(0, 40)}${counts.size > 1 ? ` ×${count}` : ''}`);
      const [low, middle, high] = [0, 0.5, 1].map((q) => quantile(times, q).toFixed(0).padStart(8));
      const most = Math.max(...of.map(({ rssMb }) => rssMb));
      const mark = of.some(({ complaints }) => complaints.length > 0) ? ' ✗' : '';
      const number = String(of[0]!.number ?? '').padStart(4);
      return `${number} ${String(of.length).padStart(4)}   ${low}${middle}${high}  ${String(most).padStart(8)}  ${words.join(', ')}: ${of[0]!.name}${mark}`;
    });
  return [head, ...rows];
}

export function complaintsOf(runs: readonly CaseRun[]): string[] {
  const wrong = runs.flatMap(({ name, complaints }) => complaints.map((text) => `  ✗ ${name}: ${text}`));
  return wrong.length > WRONG_SHOWN
    ? [...wrong.slice(0, WRONG_SHOWN), `  … and ${wrong.length - WRONG_SHOWN} more`]
    : wrong;
}

export function healthLines({ node, before, after, loopP99Ms, loopMaxMs, victim, victimAlone }: Health): string[] {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const change = (name: keyof typeof before, digits = 0): string =>
    `${before[name].toFixed(digits)} → ${after[name].toFixed(digits)}`;
  return [
    `process with the sandbox (${node}): loop late p99 ${ms(loopP99Ms)}, at most ${ms(loopMaxMs)}`,
    `  RSS ${change('rssMb', 1)} MB, held ${change('heldMb', 1)} MB, descriptors ${change('descriptors')}, processes ${change('processes')}, timers and handles ${change('resources')}`,
    `victim: ${victim.calls} calls, p50 ${ms(victim.p50Ms)}, p99 ${ms(victim.p99Ms)}, at most ${ms(victim.maxMs)}; alone p50 ${ms(victimAlone.p50Ms)}, p99 ${ms(victimAlone.p99Ms)}`,
  ];
}
