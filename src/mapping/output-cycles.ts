/** Outputs that come back to the mapping they are from: each record would make others for ever. */
import type { Finding } from './report.ts';
import type { Place, Places } from './places.ts';
import type { MappingView } from './rules.ts';
import { nodeAt } from './tree.ts';

interface Stage {
  readonly view: MappingView;
  readonly from: Place;
  readonly to: Place;
  readonly allowed: boolean;
}

/** One finding per cycle in which no mapping has `allowCycle`, at the first of its mappings; and one per `allowCycle` that allows nothing. */
export function outputCycleFindings(views: readonly MappingView[], places: Places): Finding[] {
  const stages = views.flatMap((view): Stage[] => {
    const { source, output } = view.values;
    if (!source || !output) return [];
    return [{ view, from: places.of(source), to: places.of(output), allowed: output.allowCycle }];
  });
  const refusing = stages.filter(({ allowed }) => !allowed);
  const reported = new Set<Stage>();
  const findings: Finding[] = [];
  for (const stage of stages) {
    const way = wayBack(stage, stage.allowed ? stages : refusing);
    if (stage.allowed && way === null) findings.push(uselessPermission(stage));
    if (stage.allowed || way === null || way.some((other) => reported.has(other))) continue;
    for (const other of way) reported.add(other);
    findings.push(cycle(stage, way));
  }
  return findings;
}

/** The stages from this one back to its own source, itself first; null: there is no such way. */
function wayBack(start: Stage, stages: readonly Stage[]): readonly Stage[] | null {
  const cameFrom = new Map<Stage, Stage | null>([[start, null]]);
  const queue = [start];
  for (let stage = queue.shift(); stage; stage = queue.shift()) {
    if (stage.to.id === start.from.id) {
      const way: Stage[] = [];
      for (let at: Stage | null = stage; at; at = cameFrom.get(at) ?? null) way.unshift(at);
      return way;
    }
    for (const next of stages) {
      if (next.from.id !== stage.to.id || cameFrom.has(next)) continue;
      cameFrom.set(next, stage);
      queue.push(next);
    }
  }
  return null;
}

function place({ view: { declared } }: Stage, name: string): Pick<Finding, 'path' | 'at'> {
  const at = nodeAt(declared.node, ['output', name])?.at ?? declared.keyAt;
  return { path: ['mappings', declared.name, 'output', name], at };
}

function cycle(stage: Stage, way: readonly Stage[]): Finding {
  const places = [stage.from, ...way.map(({ to }) => to)].map(({ name }) => `\`${name}\``).join(' → ');
  const field = stage.view.values.output?.type === 'kafka-topic' ? 'topic' : 'stream';
  return {
    code: 'output-cycle',
    ...place(stage, field),
    message: `the outputs come back to where they are from: ${places}`,
    hint: `name another ${field}; or, when the function ends it by itself, write \`allowCycle: true\``,
  };
}

function uselessPermission(stage: Stage): Finding {
  return {
    severity: 'warning',
    code: 'no-effect',
    ...place(stage, 'allowCycle'),
    message: '`allowCycle` is set, and the outputs do not come back: the mapping waits for no reader of them',
    hint: 'remove it',
  };
}
