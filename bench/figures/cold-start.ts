/**
 * A function's first invocation, from the moment it is needed to its answer, with bundles of npm packages and of own code, beside a Node process and a
 * worker thread that load the same file. (g) of `npm run bench` is the one of 500 kB, and warm invocations after it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FunctionVersion, Sandbox } from '../../src/sandbox/types.ts';
import { sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { packageBundle, type Size, SIZES } from '../support/packages.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { invoke, openSandboxLab, type SandboxLab } from '../support/sandbox.ts';
import { latencies } from '../support/statistics.ts';

const EVENT = { event: Buffer.from('{"a":1}') };
const STARTS = 12;
const QUICK_STARTS = 4;
const WARM = 3_000;
/** The first starts of a bundle make its code cache, which takes up to this for 5 MB. */
const CACHE_MS = 4_000;
/** Until the next process in reserve is ready, also on a busy machine. */
const RESERVE_MS = 500;

/** What makes a bundle answer messages: of the process that forked it, or of the thread that started it. */
const ANSWERS = `
;(() => {
  const answer = async (event) => JSON.stringify(await (await module.exports).handler(event));
  const { parentPort } = require('node:worker_threads');
  if (parentPort) parentPort.on('message', async (event) => parentPort.postMessage(await answer(event)));
  else process.on('message', async (event) => process.send(await answer(event)));
})();`;

type Times = Record<'reserve' | 'started' | 'process' | 'thread', number[]>;

export async function coldStart(options: Options): Promise<Figure> {
  return figure('g', ['500 kB'], options);
}

export async function coldStarts(options: Options): Promise<Figure> {
  return figure('cold', SIZES, options);
}

async function figure(id: string, sizes: readonly Size[], options: Options): Promise<Figure> {
  const before = load();
  const lab = await openSandboxLab();
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const size of sizes) {
    const { code, packages } = await packageBundle(size);
    notes.push(`${size}: ${packages}; ${Math.round(code.length / 1_000)} kB as bundled`);
    const files = { own: lab.bundle(`own-${size}`, code), plain: lab.bundle(`plain-${size}`, code + ANSWERS) };
    const times: Times[] = [];
    const warm: number[] = [];
    for (let n = 0; n < options.repeats; n++) {
      times.push(await oneRound(lab, files, size, n, options.quick === true, warm));
      options.progress(`${size}, repeat ${n + 1}`);
    }
    rows.push(...rowsOf(size, times));
    if (id === 'g') rows.push({ name: 'Millrace, warm, p50', unit: 'ms', values: warm });
  }
  lab.close();
  return { id, title: 'first invocation, by bundle', rows, notes, load: [before, load()] };
}

async function oneRound(
  lab: SandboxLab,
  files: { readonly own: string; readonly plain: string },
  size: string,
  repeat: number,
  quick: boolean,
  warm: number[],
): Promise<Times> {
  const starts = quick ? QUICK_STARTS : STARTS;
  const times: Times = { reserve: [], started: [], process: [], thread: [] };
  const withReserve = await lab.open({ spares: 1 });
  const without = await lab.open({ spares: 0 });
  const version = (name: string): FunctionVersion => lab.version(files.own, `${size}-${repeat}-${name}`);
  for (const sandbox of [withReserve, without]) await invoke(sandbox, version('first'), EVENT);
  if (repeat === 0) await sleep(CACHE_MS);
  // The bundle that has its cache now is a new one to both.
  await invoke(withReserve, version('second'), EVENT);
  for (let n = 0; n < starts; n++) {
    await sleep(RESERVE_MS);
    times.reserve.push(await timed(() => invoke(withReserve, version(`r${n}`), EVENT)));
    times.started.push(await timed(() => invoke(without, version(`s${n}`), EVENT)));
    times.process.push(await processTime(files.plain));
    times.thread.push(await threadTime(files.plain));
  }
  warm.push(await warmMs(withReserve, version('r0')));
  await withReserve.close();
  await without.close();
  return times;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const at = performance.now();
  await work();
  return performance.now() - at;
}

async function processTime(file: string): Promise<number> {
  let child: ChildProcess | undefined;
  const ms = await timed(async () => {
    child = fork(file, { execArgv: [] });
    const answer = once(child, 'message');
    child.send({ a: 1 });
    await answer;
  });
  child!.kill('SIGKILL');
  return ms;
}

async function threadTime(file: string): Promise<number> {
  let worker: Worker | undefined;
  const ms = await timed(async () => {
    worker = new Worker(file);
    const answer = once(worker, 'message');
    worker.postMessage({ a: 1 });
    await answer;
  });
  await worker!.terminate();
  return ms;
}

async function warmMs(sandbox: Sandbox, version: FunctionVersion): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < WARM; n++) times.push(await timed(() => invoke(sandbox, version, EVENT)));
  return latencies(times.slice(WARM / 2)).p50;
}

function rowsOf(size: string, times: readonly Times[]): Row[] {
  const of = (name: string, which: keyof Times, aim?: string): Row[] => {
    const found = times.map((one) => latencies(one[which]));
    return [
      {
        ...{ name: `${size}: ${name}, p50`, unit: 'ms', values: found.map(({ p50 }) => p50) },
        ...(aim === undefined ? {} : { aim }),
      },
      { name: `${size}: ${name}, p99`, unit: 'ms', values: found.map(({ p99 }) => p99) },
    ];
  };
  const ratio = times.map(({ reserve, process: plain }) => latencies(reserve).p50 / latencies(plain).p50);
  return [
    ...of('Millrace, a process in reserve', 'reserve', size.startsWith('500 kB') ? '≤ 5' : undefined),
    ...of('Millrace, process started too', 'started'),
    ...of('plain Node process', 'process'),
    ...of('worker thread', 'thread'),
    { name: `${size}: in reserve beside a plain process`, unit: '×', values: ratio },
  ];
}
