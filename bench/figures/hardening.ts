/** What each measure that takes something from the children costs: a cold start that starts the process, and a warm invocation, with and without it. */
import { MEASURES, type Measure, probeHardening } from '../../src/sandbox/hardening.ts';
import { flightsInColumns, HANDLERS } from '../support/handlers.ts';
import type { Options } from '../support/options.ts';
import { cpuMicros } from '../support/processes.ts';
import { ownCpu, repeatFor } from '../support/repeat.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { childrenOnce, invoke, openSandboxLab, type SandboxLab } from '../support/sandbox.ts';
import { spread } from '../support/statistics.ts';

const RECORDS = 10;
const STARTS = 5;
const MS = 300;
const QUICK_STARTS = 2;
const QUICK_MS = 100;

interface Cost {
  readonly startMs: number;
  readonly cpuUs: number;
}

export async function hardeningCosts(options: Options): Promise<Figure> {
  const before = load();
  const { measures } = probeHardening(process.execPath);
  const here = MEASURES.filter((measure) => measures[measure] === 'on');
  const lab = await openSandboxLab();
  const file = lab.bundle('parses', HANDLERS.parses);
  // The first start makes the code caches.
  await costOf(lab, file, here, true);
  const sets = new Map<string, readonly Measure[]>([
    ['all of them', here],
    ['none', []],
    ...here.map((one): [string, Measure[]] => [`all but ${one}`, here.filter((other) => other !== one)]),
  ]);
  const found = new Map([...sets.keys()].map((name) => [name, [] as Cost[]]));
  for (let n = 0; n < options.repeats; n++) {
    for (const [name, set] of sets) found.get(name)!.push(await costOf(lab, file, set, options.quick === true));
    options.progress(`repeat ${n + 1}`);
  }
  lab.close();
  return {
    id: 'hardening',
    title: `cold start without reserve, and CPU of a warm invocation (batch ${RECORDS})`,
    rows: [...found].flatMap(([name, costs]): Row[] => [
      { name, unit: 'ms start', values: costs.map(({ startMs }) => startMs) },
      { name, unit: 'µs CPU', values: costs.map(({ cpuUs }) => cpuUs) },
    ]),
    notes: MEASURES.filter((measure) => measures[measure] !== 'on').map((one) => `not here: ${one} (${measures[one]})`),
    load: [before, load()],
  };
}

async function costOf(lab: SandboxLab, file: string, hardening: readonly Measure[], quick: boolean): Promise<Cost> {
  const sandbox = await lab.open({ spares: 0, hardening });
  const event = flightsInColumns(RECORDS);
  const starts: number[] = [];
  const count = quick ? QUICK_STARTS : STARTS;
  for (let n = 0; n < count; n++) {
    const { initDurationMs } = await invoke(sandbox, lab.version(file, `start-${n}`), event);
    starts.push(initDurationMs ?? NaN);
  }
  const version = lab.version(file, 'start-0');
  const one = () => invoke(sandbox, version, event);
  const ms = quick ? QUICK_MS : MS;
  await repeatFor(ms, one);
  const children = await childrenOnce(count);
  const { cpuUs } = await repeatFor(ms, one, () => children.reduce((sum, pid) => sum + cpuMicros(pid), ownCpu()));
  await sandbox.close();
  return { startMs: spread(starts).median, cpuUs };
}
