/** The part of docs/benchmarks.md about the matrix: rates, CPU and memory of every system, what each gives up, and where Millrace wins and loses. */
import type { Data, Entrant, Measured, Source } from '../matrix/types.ts';
import { KIND_MEANS, type Kind, KINDS } from '../support/kinds.ts';
import { spread } from '../support/statistics.ts';
import type { Sample } from '../support/stretch.ts';
import { barsSvg } from './graph.ts';
import { shown, spreadText, tableText } from './numbers.ts';

export interface Part {
  readonly text: string;
  /** File name in docs/benchmarks/ → SVG. */
  readonly graphs: ReadonlyMap<string, string>;
}

const KIND_NAME: Readonly<Record<Kind, string>> = { parse: 'parse only', cpu: '50 µs of CPU', http: '5 ms of HTTP' };
const medianOf = (one: Measured | undefined, of: (sample: Sample) => number): number | null =>
  one === undefined || one.samples.length === 0 ? null : spread(one.samples.map(of)).median;
const rate = (sample: Sample) => sample.recordsPerSecond;
const find = (entrant: Entrant, kind: Kind, batch: number, data: Data = '200-byte JSON') =>
  entrant.measured.find((one) => one.kind === kind && one.batch === batch && one.data === data);
const batchesOf = (entrants: readonly Entrant[]): number[] =>
  [...new Set(entrants.flatMap(({ measured }) => measured.map(({ batch }) => batch)))].toSorted((a, b) => a - b);

export function matrixPart(entrants: readonly Entrant[]): Part {
  const graphs = new Map<string, string>();
  const sections = [givesUp(entrants), against(entrants)];
  for (const source of ['Redis streams', 'Kafka', 'its own'] as const) {
    const here = entrants.filter((entrant) => entrant.source === source);
    if (here.length > 0) sections.push(...sourceSections(source, here, graphs));
  }
  return { text: sections.join('\n\n'), graphs };
}

function givesUp(entrants: readonly Entrant[]): string {
  const rows = entrants.map((one) => [one.name, one.version, one.source, one.givesUp]);
  const failed = entrants.flatMap(({ name, measured }) =>
    measured.flatMap((one) =>
      one.failed === undefined ? [] : [`- ${name}, ${KIND_NAME[one.kind]}, batch ${one.batch}: ${one.failed}`],
    ),
  );
  const absent = failed.length === 0 ? [] : ['', 'Not measured, and why:', '', ...failed];
  return ['### What each gives up', '', tableText(['System', 'Version', 'Source', 'Gives up'], rows), ...absent].join(
    '\n',
  );
}

/** Beside each peer where both were measured; Restate, which reads no stream, beside Millrace on Redis streams. */
function against(entrants: readonly Entrant[]): string {
  const ours = entrants.filter(({ id }) => id === 'millrace');
  const rows = entrants
    .filter(({ id }) => id !== 'millrace')
    .flatMap((peer) => {
      const own = ours.find(({ source }) => source === peer.source) ?? ours[0];
      return peer.measured.flatMap((one) => {
        const same = own && find(own, one.kind, one.batch, one.data);
        const [a, b] = [medianOf(same, rate), medianOf(one, rate)];
        const [cpuA, cpuB] = [medianOf(same, cpu), medianOf(one, cpu)];
        if (a === null || b === null || cpuA === null || cpuB === null) return [];
        const what = `${KIND_NAME[one.kind]}, batch ${one.batch}${one.data === 'flights' ? ', flights' : ''}`;
        return [{ peer: `${peer.name} (${peer.source})`, what, rates: a / b, cpu: cpuA / cpuB }];
      });
    })
    .toSorted((a, b) => a.rates - b.rates);
  const line = (one: (typeof rows)[number]) => [one.peer, one.what, `${shown(one.rates)}×`, `${shown(one.cpu)}×`];
  const head = ['Beside', 'Job', 'Records/s', 'CPU per record'];
  const part = (title: string, of: typeof rows) =>
    of.length === 0 ? [] : [`### ${title}`, '', tableText(head, of.map(line)), ''];
  return [
    ...part(
      'Where Millrace is slower',
      rows.filter(({ rates }) => rates < 1),
    ),
    ...part(
      'Where Millrace is faster',
      rows.filter(({ rates }) => rates >= 1),
    ),
    'Medians, Millrace ÷ the other: of records per second more is better, of CPU less.',
  ].join('\n');
}

const cpu = (sample: Sample) => sample.cpuPerMillion;

function sourceSections(source: Source, here: readonly Entrant[], graphs: Map<string, string>): string[] {
  const kinds = KINDS.filter((kind) => here.some(({ measured }) => measured.some((one) => one.kind === kind)));
  const where = source === 'its own' ? 'A source of their own' : source;
  const sections = kinds.map((kind) => {
    const those = here.filter(({ measured }) => measured.some((one) => one.kind === kind));
    const batches = batchesOf(those.map((one) => ({ ...one, measured: one.measured.filter((m) => m.kind === kind) })));
    const file = `matrix-${source.toLowerCase().replaceAll(' ', '-')}-${kind}.svg`;
    graphs.set(
      file,
      barsSvg({
        ...{
          title: `${where}: ${KIND_NAME[kind]}`,
          unit: 'records per second, median, logarithmic',
          logarithmic: true,
        },
        groups: batches.map((batch) => `batch ${batch}`),
        series: those.map((one) => ({
          name: one.name,
          values: batches.map((b) => medianOf(find(one, kind, b), rate)),
        })),
      }),
    );
    const cells = (of: (sample: Sample) => number) =>
      those.map((one) => [one.name, ...batches.map((b) => spreadText((find(one, kind, b)?.samples ?? []).map(of)))]);
    const head = (what: string) => [what, ...batches.map((batch) => `batch ${batch}`)];
    return [
      `### ${where}: ${KIND_NAME[kind]}`,
      '',
      `Here ${KIND_MEANS[kind]}. 200-byte JSON.`,
      '',
      `![${where}: ${KIND_NAME[kind]}](benchmarks/${file})`,
      '',
      tableText(head('Records per second'), cells(rate)),
      '',
      tableText(head('CPU seconds per million records, all processes'), cells(cpu)),
      '',
      tableText(head('Peak RSS of all processes, MB'), cells(allMb)),
    ].join('\n');
  });
  return [...sections, ...flights(where, here)];
}

const allMb = ({ peakRssMb }: Sample) => Object.values(peakRssMb).reduce((sum, one) => sum + one, 0);

function flights(where: string, here: readonly Entrant[]): string[] {
  const rows = here.flatMap(({ name, measured }) =>
    measured
      .filter(({ data, samples }) => data === 'flights' && samples.length > 0)
      .map((one) => [
        ...[name, KIND_NAME[one.kind], String(one.batch), spreadText(one.samples.map(rate))],
        spreadText(one.samples.map(cpu)),
      ]),
  );
  if (rows.length === 0) return [];
  return [
    `### ${where}: flights\n\n${tableText(['System', 'Job', 'Batch', 'Records per second', 'CPU seconds per million'], rows)}`,
  ];
}
