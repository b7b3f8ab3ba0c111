/**
 * Warm invocations: CPU of daemon-side pool and child together, beside the same handler bare in Node (event text → JSON.parse → handler →
 * JSON.stringify) and beside a child process that is sent the event by Node's own IPC.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { flightsEvent, flightsInColumns, type HandlerName, HANDLERS } from '../support/handlers.ts';
import type { Options } from '../support/options.ts';
import { cpuMicros } from '../support/processes.ts';
import { type Lap, ownCpu, repeatFor } from '../support/repeat.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { childrenOnce, invoke, openSandboxLab, type SandboxLab } from '../support/sandbox.ts';

const BATCHES = [1, 10, 100, 1_000];
const MS = 700;
const QUICK_MS = 150;
const PEER = fileURLToPath(new URL('../peers/bare-handler.ts', import.meta.url));

type Laps = Record<'own' | 'bare' | 'ipc', Lap>;

export async function warmInvocations(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openSandboxLab();
  const ms = options.quick === true ? QUICK_MS : MS;
  const found = new Map<string, Laps[]>();
  for (let n = 0; n < options.repeats; n++) {
    for (const name of Object.keys(HANDLERS) as HandlerName[]) {
      const file = lab.bundle(name, HANDLERS[name]);
      for (const records of BATCHES) {
        const laps = {
          own: await ownLap(lab, file, name, records, ms),
          bare: bareLap(file, records, ms),
          ipc: await ipcLap(file, records, ms),
        };
        const key = `${name}, batch ${records}`;
        found.set(key, [...(found.get(key) ?? []), laps]);
      }
    }
    options.progress(`repeat ${n + 1}`);
  }
  lab.close();
  return {
    ...{ id: 'warm', title: 'warm invocations', rows: [...found].flatMap(([key, laps]) => rowsOf(key, laps)) },
    notes: [
      'parses: the event is parsed and looked at; decodes: base64 and JSON of each record besides (flights, 0.1 kB of data)',
    ],
    load: [before, load()],
  };
}

/** A sandbox of its own, so that its processes are the only ones that are counted. */
async function ownLap(lab: SandboxLab, file: string, name: string, records: number, ms: number): Promise<Lap> {
  const sandbox = await lab.open({ spares: 0 });
  const version = lab.version(file, name);
  const event = flightsInColumns(records);
  const one = () => invoke(sandbox, version, event);
  await repeatFor(ms, one);
  const children = await childrenOnce(1);
  const lap = await repeatFor(ms, one, () => children.reduce((sum, pid) => sum + cpuMicros(pid), ownCpu()));
  await sandbox.close();
  return lap;
}

function bareLap(file: string, records: number, ms: number): Lap {
  const args = ['--no-warnings', PEER, 'bare', file, String(records), String(ms)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Lap;
}

async function ipcLap(file: string, records: number, ms: number): Promise<Lap> {
  const child = fork(PEER, ['ipc', file], { execArgv: ['--no-warnings'] });
  const event = flightsEvent(records);
  const one = async (): Promise<void> => {
    const answer = once(child, 'message');
    child.send(event.toString('latin1'));
    await answer;
  };
  await repeatFor(ms, one);
  const lap = await repeatFor(ms, one, () => ownCpu() + cpuMicros(child.pid!));
  child.kill('SIGKILL');
  await once(child, 'exit');
  return lap;
}

function rowsOf(key: string, laps: readonly Laps[]): Row[] {
  const cpu = (which: keyof Laps): number[] => laps.map((one) => one[which].cpuUs);
  const beside = (which: keyof Laps): number[] => laps.map((one) => one[which].cpuUs / one.bare.cpuUs);
  return [
    { name: `${key}: Millrace`, unit: 'µs', values: laps.map(({ own }) => own.us) },
    { name: `${key}: Millrace`, unit: 'µs CPU', values: cpu('own') },
    { name: `${key}: bare`, unit: 'µs CPU', values: cpu('bare') },
    {
      ...{ name: `${key}: Millrace beside bare`, unit: '× CPU', values: beside('own') },
      ...(key.endsWith(' 100') ? { aim: '≤ 1.25' } : {}),
    },
    { name: `${key}: a child by IPC beside bare`, unit: '× CPU', values: beside('ipc') },
  ];
}
