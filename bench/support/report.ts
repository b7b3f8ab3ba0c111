/** What a figure says: rows of measured values, each with its unit, its aim, and how busy the machine was. */
import { cpus, loadavg, totalmem } from 'node:os';
import type { Entrant } from '../matrix/types.ts';
import { type Spread, spread } from './statistics.ts';

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What the value should be, as text; ratios only. */
  readonly aim?: string;
  readonly digits?: number;
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
  /** Mean number of runnable processes over the last minute, before and after. */
  readonly load: readonly [before: number, after: number];
  /** Which rows docs/benchmarks.md draws: those with this unit. */
  readonly graph?: {
    readonly unit: string;
    readonly logarithmic: boolean;
    /** Rows are named `system, size: what`: a colour for each system, bars together that are of one size. */
    readonly systems?: boolean;
  };
  /** Rows are named `one: what`: the page has a line for each one, and a column for each what. */
  readonly pivot?: boolean;
  /** What a flame graph is drawn of: folded stacks, outermost frame first, each with its weight (`a;b;c 1.5`). */
  readonly stacks?: readonly string[];
  /** Of the matrix: everything that was measured. */
  readonly entrants?: readonly Entrant[];
}

export interface Machine {
  readonly date: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly v8: string;
  /** null where none takes part. */
  readonly redis: string | null;
}

export function machine(redis: string | null): Machine {
  return {
    date: new Date().toISOString(),
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    v8: process.versions.v8,
    redis,
  };
}

export function machineLine(m: Machine): string {
  return `${m.cores} cores (${m.cpu}), ${m.memoryGb} GB, Node ${m.node} (V8 ${m.v8}), ${m.redis === null ? '' : `Redis ${m.redis}, `}${m.date.slice(0, 16)}Z`;
}

export const load = (): number => Math.round(loadavg()[0]! * 10) / 10;

/** Median, and in brackets the least and the most, where there is more than one. */
function cell({ min, median, max }: Spread, digits: number, count: number): string {
  const text = (n: number) => (Number.isNaN(n) ? '–' : n.toLocaleString('en', { maximumFractionDigits: digits }));
  return count < 2 ? text(median) : `${text(median)}  (${text(min)} – ${text(max)})`;
}

export function table(figure: Figure): string {
  const rows = figure.rows.map((row) => [
    row.name,
    cell(spread(row.values), row.digits ?? digitsOf(row.values), row.values.length),
    row.unit,
    row.aim ?? '',
  ]);
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map(
    (row) =>
      `  ${row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd()}`,
  );
  const notes = figure.notes.map((note) => `  ${note}`);
  const [before, after] = figure.load;
  return [`(${figure.id}) ${figure.title}   [load ${before} → ${after}]`, ...lines, ...notes, ''].join('\n');
}

function digitsOf(values: readonly number[]): number {
  const largest = Math.max(...values.map(Math.abs));
  return largest >= 100 ? 0 : largest >= 10 ? 1 : 2;
}
