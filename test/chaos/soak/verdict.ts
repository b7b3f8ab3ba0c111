/** A soak on one screen. */
import { describeViolations } from '../checker.ts';
import type { Rest } from '../lab/rest.ts';
import { isClean } from '../swarm/run.ts';
import { BOUNDS, type SoakRun } from './run.ts';
import { type Bound, mayRiseBy, type Point, trendOf } from './steady.ts';

const VIOLATIONS_SHOWN = 5;
const PARTS = 10;

export function verdictOf(run: SoakRun, again: string): string {
  const { spec, checked, error, unreached, kept, baseline, drained } = run;
  const lines = [`soak, seed ${spec.seed}: ${spec.minutes} minutes of faults`];
  for (const [{ name }, { strikes, hits }] of run.counts)
    lines.push(`  ${name.padEnd(20)} done ${String(strikes).padStart(3)}   hit ${String(hits).padStart(3)}`);
  if (checked) {
    const { records, attempts, repeats, refused, notices } = checked.reached;
    lines.push(
      `  ${records} records, ${attempts} attempts, ${repeats} repeats, ${refused} refused, ${notices} notices`,
    );
  }
  lines.push(...held(run));
  if (baseline && drained) lines.push(...rests(baseline, drained));
  for (const { name } of unreached) lines.push(`  ${name} never hit anything: the run does not show that it is stood`);
  if (error) lines.push(`  broken off: ${error.message}`);
  if (checked && checked.violations.length > 0) lines.push(describeViolations(checked.violations, VIOLATIONS_SHOWN));
  if (isClean(run)) return [...lines, '  clean', ''].join('\n');
  return [...lines, `  NOT CLEAN; again with: ${again}`, `  kept: ${kept}`, ''].join('\n');
}

/** Of the daemon that nobody ended, and of Redis: the judged line, and how it went. */
function held({ samples, survivor }: SoakRun): string[] {
  const own = (['rssMb', 'descriptors', 'childRssMb'] as const).flatMap((measure) =>
    told(BOUNDS[measure], samples.of(survivor, measure)),
  );
  const children = `  processes for functions over time: ${course(samples.of(survivor, 'children'))}`;
  return [...own, children, ...told(BOUNDS.redisMb, samples.redis())];
}

function told(bound: Bound, points: readonly Point[]): string[] {
  const { name, unit } = bound;
  const trend = trendOf(points, bound);
  const most = trend && mayRiseBy(trend, bound).toFixed(1);
  const line =
    trend && `${trend.from.toFixed(1)} → ${trend.to.toFixed(1)} in ${Math.round(trend.spanMs / 60_000)} minutes`;
  const judged = line ? `${line}, may rise by ${most}` : 'too short to be judged';
  return [`  ${name}${unit && `, ${unit}`}: ${judged}`, `    over time: ${course(points)}`];
}

/** Means of equal parts of the time. */
function course(points: readonly Point[]): string {
  const means = Array.from({ length: PARTS }, (_, index) => {
    const part = points.slice((index * points.length) / PARTS, ((index + 1) * points.length) / PARTS);
    return (part.reduce((sum, { value }) => sum + value, 0) / part.length).toFixed(1);
  });
  return means.join(' ');
}

function rests(baseline: Rest, drained: Rest): string[] {
  const facts = [...baseline.facts].map(([name, value]) => `${name} ${value} → ${drained.facts.get(name)}`);
  const names = [...new Set([...baseline.kinds.keys(), ...drained.kinds.keys()])].sort();
  const kinds = names.flatMap((name) => {
    const [before, after] = [baseline.kinds.get(name), drained.kinds.get(name)];
    if (before?.keys === after?.keys && before?.bytes === after?.bytes) return [];
    return [`${name} ${before?.keys ?? 0} → ${after?.keys ?? 0} keys, ${before?.bytes ?? 0} → ${after?.bytes ?? 0} B`];
  });
  return [
    `  at rest, before the first fault → after the last: ${facts.join(', ')}`,
    ...kinds.map((kind) => `    ${kind}`),
  ];
}
