/** Memory of a warm child, of the isolate in it, and of a process in reserve, beside a plain Node child that has loaded the same. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { InvokeRequest, Sandbox } from '../../src/sandbox/types.ts';
import { flightsEvent, flightsInColumns, HANDLERS } from '../support/handlers.ts';
import { sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { proportionalMb, residentMb } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { childrenOnce, openSandboxLab, type SandboxLab } from '../support/sandbox.ts';

const CHILDREN = 4;
const INVOCATIONS = 500;
const RECORDS = 100;
const RESERVE_MS = 1_500;
const PEER = fileURLToPath(new URL('../peers/bare-handler.ts', import.meta.url));
/** What its own isolate holds is asked of the handler. */
const ASKED = `${HANDLERS.decodes}
const decodes = exports.handler;
exports.handler = async (event) => event.ask ? process.memoryUsage() : decodes(event);`;

interface Found {
  rss: number[];
  pss: number[];
}

export async function sandboxMemory(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openSandboxLab();
  const file = lab.bundle('asked', ASKED);
  const plain = lab.bundle('decodes', HANDLERS.decodes);
  const child: Found = { rss: [], pss: [] };
  const reserve: Found = { rss: [], pss: [] };
  const peer: Found = { rss: [], pss: [] };
  const heap: number[] = [];
  for (let n = 0; n < options.repeats; n++) {
    await ownMemory(lab, file, child, heap, reserve);
    await peerMemory(plain, peer);
    options.progress(`repeat ${n + 1}`);
  }
  lab.close();
  const rows = (name: string, { rss, pss }: Found): Row[] => [
    { name: `${name}: RSS`, unit: 'MB', values: rss },
    { name: `${name}: PSS`, unit: 'MB', values: pss },
  ];
  return {
    id: 'memory',
    title: `${CHILDREN} children after ${INVOCATIONS} invocations each, memorySize 128; each of them`,
    rows: [
      ...rows('warm child', child),
      { name: 'heap of the isolate in it', unit: 'MB', values: heap },
      ...rows('process in reserve', reserve),
      ...rows('plain Node child by IPC', peer),
    ],
    notes: ['PSS counts a page that several processes share by their share of it: what another child really costs.'],
    load: [before, load()],
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

function add(to: Found, pids: readonly number[]): void {
  to.rss.push(mean(pids.map(residentMb)));
  to.pss.push(mean(pids.map(proportionalMb)));
}

async function ask(
  sandbox: Sandbox,
  version: Parameters<Sandbox['invoke']>[0]['version'],
  event: Pick<InvokeRequest, 'event' | 'columns'>,
): Promise<string> {
  const context = { requestId: 'bench' };
  const outcome = await sandbox.invoke({ version, ...event, ascii: true, context, lease: null, log: () => undefined });
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

async function ownMemory(lab: SandboxLab, file: string, to: Found, heap: number[], reserve: Found): Promise<void> {
  const event = flightsInColumns(RECORDS);
  const sandbox = await lab.open({ spares: 1 });
  for (let n = 0; n < CHILDREN; n++) {
    const version = lab.version(file, `asked-${n}`);
    for (let i = 0; i < INVOCATIONS; i++) await ask(sandbox, version, event);
    const { heapTotal, external } = JSON.parse(
      await ask(sandbox, version, { event: Buffer.from('{"ask":true}') }),
    ) as Record<'heapTotal' | 'external', number>;
    heap.push((heapTotal + external) / 2 ** 20);
  }
  const pids = (await childrenOnce(CHILDREN + 1)).sort((a, b) => a - b);
  // The one in reserve is the youngest; it is ready by then.
  await sleep(RESERVE_MS);
  add(to, pids.slice(0, CHILDREN));
  add(reserve, pids.slice(CHILDREN));
  await sandbox.close();
}

async function peerMemory(file: string, to: Found): Promise<void> {
  const text = flightsEvent(RECORDS).toString('latin1');
  const children = Array.from({ length: CHILDREN }, () => fork(PEER, ['ipc', file], { execArgv: ['--no-warnings'] }));
  for (const child of children) {
    for (let n = 0; n < INVOCATIONS; n++) {
      const answer = once(child, 'message');
      child.send(text);
      await answer;
    }
  }
  add(
    to,
    children.map(({ pid }) => pid!),
  );
  for (const child of children) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
