/** A run on one screen. */
import { describeViolations } from '../checker.ts';
import { isClean, type SwarmRun } from './run.ts';

const VIOLATIONS_SHOWN = 3;
const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I10', 'I11'] as const;

export function verdictOf(run: SwarmRun, again: string): string {
  const { plan, checked, error, unreached, mixed, kept } = run;
  const { seed, source, faultsMs } = plan.spec;
  const roles = plan.layout.some((args) => args.includes('--role')) ? 'roles apart' : 'both roles each';
  const lines = [
    `seed ${seed}: ${source}, ${Math.round(faultsMs / 1_000)} s of faults, ${plan.layout.length} daemons, ${roles}`,
  ];
  for (const [{ name }, { strikes, hits }] of run.counts)
    lines.push(`  ${name.padEnd(20)} done ${String(strikes).padStart(3)}   hit ${String(hits).padStart(3)}`);
  lines.push(`  two at once: ${mixed} times`);
  if (checked) {
    const { records, attempts, repeats, refused, notices } = checked.reached;
    const lost = checked.history.reduce(
      (sum, line) => sum + (line.kind === 'source-lost' ? line.positions.length : 0),
      0,
    );
    lines.push(
      `  ${records} records, ${attempts} attempts, ${repeats} repeats, ${refused} late effects refused, ${notices} notices`,
      ...(lost > 0 ? [`  ${lost} records more that the source had taken and lost`] : []),
    );
    lines.push(`  ${INVARIANTS.map((name) => `${name} ${timesViolated(run, name)}`).join('  ')}`);
    if (checked.violations.length > 0) lines.push(describeViolations(checked.violations, VIOLATIONS_SHOWN));
  }
  for (const { name } of unreached) lines.push(`  ${name} never hit anything: the run does not show that it is stood`);
  if (error) lines.push(`  broken off: ${error.message}`);
  if (isClean(run)) return [...lines, '  clean', ''].join('\n');
  return [...lines, `  NOT CLEAN; again with: ${again}`, `  kept: ${kept}`, ''].join('\n');
}

function timesViolated({ checked }: SwarmRun, invariant: string): string {
  const times = checked!.violations.filter((violation) => violation.invariant === invariant).length;
  return times === 0 ? 'held' : `VIOLATED ${times}×`;
}
