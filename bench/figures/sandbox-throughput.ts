/** Records per second through 1, 2 and 4 children, each with a function of its own, beside as many plain children by Node's IPC. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { flightsEvent, flightsInColumns, HANDLERS } from '../support/handlers.ts';
import type { Options } from '../support/options.ts';
import { repeatFor } from '../support/repeat.ts';
import { type Figure, load } from '../support/report.ts';
import { invoke, openSandboxLab, type SandboxLab } from '../support/sandbox.ts';

const COUNTS = [1, 2, 4];
const RECORDS = 100;
const MS = 1_000;
const QUICK_MS = 200;
const PEER = fileURLToPath(new URL('../peers/bare-handler.ts', import.meta.url));

export async function sandboxThroughput(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openSandboxLab();
  const ms = options.quick === true ? QUICK_MS : MS;
  const file = lab.bundle('decodes', HANDLERS.decodes);
  const found = COUNTS.map(() => ({ own: [] as number[], ipc: [] as number[] }));
  for (let n = 0; n < options.repeats; n++) {
    for (const [at, count] of COUNTS.entries()) {
      found[at]!.own.push(await ownRate(lab, file, count, ms));
      found[at]!.ipc.push(await ipcRate(file, count, ms));
    }
    options.progress(`repeat ${n + 1}`);
  }
  lab.close();
  return {
    id: 'throughput',
    title: `batches of ${RECORDS}, decoded, through several children`,
    rows: COUNTS.flatMap((count, at) => {
      const { own, ipc } = found[at]!;
      return [
        { name: `Millrace, children: ${count}`, unit: 'records/s', values: own },
        { name: `plain children by IPC: ${count}`, unit: 'records/s', values: ipc },
        { name: `Millrace beside IPC, ${count}`, unit: '×', values: own.map((rate, n) => rate / ipc[n]!) },
      ];
    }),
    notes: [],
    load: [before, load()],
  };
}

async function rateOf(ms: number, loops: readonly (() => Promise<unknown>)[]): Promise<number> {
  await Promise.all(loops.map((one) => repeatFor(ms / 2, one)));
  const laps = await Promise.all(loops.map((one) => repeatFor(ms, one)));
  return laps.reduce((sum, { us }) => sum + (RECORDS * 1e6) / us, 0);
}

async function ownRate(lab: SandboxLab, file: string, count: number, ms: number): Promise<number> {
  const sandbox = await lab.open({ spares: 0 });
  const event = flightsInColumns(RECORDS);
  const versions = Array.from({ length: count }, (_, n) => lab.version(file, `decodes-${n}`));
  const rate = await rateOf(
    ms,
    versions.map((version) => () => invoke(sandbox, version, event)),
  );
  await sandbox.close();
  return rate;
}

async function ipcRate(file: string, count: number, ms: number): Promise<number> {
  const text = flightsEvent(RECORDS).toString('latin1');
  const children = Array.from({ length: count }, () => fork(PEER, ['ipc', file], { execArgv: ['--no-warnings'] }));
  const rate = await rateOf(
    ms,
    children.map((child) => async () => {
      const answer = once(child, 'message');
      child.send(text);
      await answer;
    }),
  );
  for (const child of children) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  return rate;
}
