/** The part of a figure that is rows of measured values: a table, and a graph where the figure wants one. */
import type { Figure, Row } from '../support/report.ts';
import { spread } from '../support/statistics.ts';
import { type Bars, barsSvg } from './graph.ts';
import type { Part } from './matrix-part.ts';
import { shown, spreadText, tableText } from './numbers.ts';

export function rowsPart(figure: Figure): Part {
  const graphs = new Map<string, string>();
  const { id, title, rows, graph, pivot } = figure;
  const single = pivot === true ? rows.filter(({ name }) => !name.includes(': ')) : rows;
  const tables = [
    ...(single.length > 0 ? [lines(single)] : []),
    ...(pivot === true ? byUnitAndOne(rows.filter((row) => !single.includes(row))) : []),
  ].join('\n\n');
  if (graph === undefined) return { text: tables, graphs };
  const drawn = rows.filter(({ unit }) => unit === graph.unit);
  const { unit, logarithmic } = graph;
  graphs.set(`${id}.svg`, barsSvg({ title, unit, logarithmic, ...(graph.systems === true ? systems : one)(drawn) }));
  return { text: `![${title}](benchmarks/${id}.svg)\n\n${tables}`, graphs };
}

const measured = ({ values }: Row) => spreadText(values.filter((value) => value !== null));

function lines(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.name, measured(row), row.unit, row.aim ?? '']);
  return tableText(['', 'Measured', 'Unit', 'Aim'], cells);
}

/** `one: what` → a line for each one, a column for each what; ones with the same columns share a table. */
function byUnitAndOne(rows: readonly Row[]): string[] {
  const ones = new Map<string, Map<string, string>>();
  for (const row of rows) {
    const [name, what] = row.name.split(': ') as [string, string];
    const columns = ones.get(name) ?? new Map<string, string>();
    ones.set(name, columns.set(row.unit === '' ? what : `${what}, ${row.unit}`, measured(row)));
  }
  const tables = new Map<string, [string, Map<string, string>][]>();
  for (const entry of ones) {
    const head = [...entry[1].keys()].join();
    tables.set(head, [...(tables.get(head) ?? []), entry]);
  }
  return [...tables.values()].map((list) =>
    tableText(
      ['', ...list[0]![1].keys()],
      list.map(([name, columns]) => [name, ...columns.values()]),
    ),
  );
}

type Drawn = Pick<Bars, 'groups' | 'series'>;

/** As the page shows it. */
const medianOf = ({ values }: Row): number => Number(shown(spread(values).median).replaceAll(',', ''));

function one(rows: readonly Row[]): Drawn {
  return { groups: rows.map(({ name }) => name), series: [{ name: rows[0]?.unit ?? '', values: rows.map(medianOf) }] };
}

/** `system, size: what`. */
function systems(rows: readonly Row[]): Drawn {
  const placed = rows.map((row) => {
    const [system, size] = row.name.split(': ')[0]!.split(/, (.*)/s) as [string, string];
    return { system, size, value: medianOf(row) };
  });
  const groups = [...new Set(placed.map(({ size }) => size))];
  const values = (name: string) =>
    groups.map((group) => placed.find(({ system, size }) => system === name && size === group)?.value ?? null);
  const names = [...new Set(placed.map(({ system }) => system))];
  return { groups, series: names.map((name) => ({ name, values: values(name) })) };
}
