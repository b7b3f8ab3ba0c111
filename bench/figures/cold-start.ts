/** (g): a function's first invocation and the ones after it, with a bundle of 500 kB, beside plain Node processes that load the same. */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import { createSandbox } from '../../src/sandbox/pool.ts';
import type { FunctionVersion, Sandbox } from '../../src/sandbox/types.ts';
import { sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { latencies } from '../support/statistics.ts';

const BUNDLE_BYTES = 500_000;
const COLD_STARTS = 10;
const WARM = 5_000;
/** The first starts of a bundle make its code caches. */
const WITHOUT_CACHE = 4;
const EVENT = Buffer.from(JSON.stringify({ text: 'x'.repeat(100) }));

/** Functions like a bundler's output; most are never called. */
function bundleOf(bytes: number): string {
  let text = '';
  for (let n = 0; text.length < bytes; n++) {
    text += `var __m${n} = (exports, module) => { class C${n} { constructor(a) { this.a = a; } run(x) { return x.map((y) => ({ ...y, n: ${n} + this.a })); } } module.exports = { C${n}, name: "module ${n}" }; };\n`;
  }
  return `${text}exports.handler = async (event) => event;`;
}

export async function coldStart(options: Options): Promise<Figure> {
  const before = load();
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const code = bundleOf(BUNDLE_BYTES);
  const bundlePath = path.join(dir, 'bundle.js');
  const plainPath = path.join(dir, 'plain.cjs');
  writeFileSync(bundlePath, code);
  writeFileSync(
    plainPath,
    `${code}\nprocess.on('message', async (event) => process.send(await exports.handler(event)));`,
  );
  const preludePath = (await buildPrelude(dir)).path;
  const open = (spares: number) =>
    createSandbox({
      ...{ cacheDir: dir, preludePath, log: silentLog, spares },
      egress: () =>
        Promise.resolve({ ok: false as const, error: { name: 'Error', message: 'refused', code: 'REFUSED' } }),
    });
  const cold: number[] = [];
  const coldWithSpare: number[] = [];
  const plain: number[] = [];
  const warm: number[] = [];
  const plainWarm: number[] = [];
  for (let n = 0; n < options.repeats; n++) {
    for (const [spares, into] of [[0, cold] as const, [1, coldWithSpare] as const]) {
      const sandbox = await open(spares);
      into.push(...(await coldStarts(sandbox, bundlePath, code, `${n}-${spares}`)));
      if (spares === 1) warm.push(...(await warmTimes(() => invoke(sandbox, versionOf(bundlePath, code, 'warm')))));
      await sandbox.close();
    }
    const started: ChildProcess[] = [];
    for (let i = 0; i < COLD_STARTS; i++)
      plain.push(await timed(async () => started.push(await startPlain(plainPath))));
    plainWarm.push(...(await warmTimes(() => ask(started[0]!))));
    for (const child of started) child.kill('SIGKILL');
    options.progress(`repeat ${n + 1}`);
  }
  rmSync(dir, { recursive: true, force: true });
  return {
    id: 'g',
    title: `a bundle of ${BUNDLE_BYTES / 1_000} kB: first and later invocations`,
    rows: [
      ...rowsOf('Millrace, cold, a process in reserve', 'ms', coldWithSpare),
      ...rowsOf('Millrace, cold, process started too', 'ms', cold),
      ...rowsOf('plain Node process, cold (fork, load, first message)', 'ms', plain),
      ...rowsOf('Millrace, warm', 'ms', warm),
      ...rowsOf('plain Node process, warm (message and answer)', 'ms', plainWarm),
    ],
    notes: [],
    load: [before, load()],
  };
}

function versionOf(bundlePath: string, code: string, name: string): FunctionVersion {
  return {
    ...{ name, hash: createHash('sha256').update(code).update(name).digest('hex'), bundlePath, sourceMapPath: null },
    ...{ codeCachePath: null, exportPath: 'handler', handlerText: 'handler', memorySizeMb: 128, timeoutMs: 10_000 },
    ...{ environment: {}, networkAllow: [], secrets: [], concurrencyPerProcess: 1 },
  };
}

async function invoke(sandbox: Sandbox, version: FunctionVersion): Promise<void> {
  const context = { requestId: 'bench' };
  const outcome = await sandbox.invoke({
    version,
    event: EVENT,
    ascii: true,
    context,
    lease: null,
    log: () => undefined,
  });
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const at = performance.now();
  await work();
  return performance.now() - at;
}

/** One version each: the same code under many names, so that every one is a first invocation. */
async function coldStarts(sandbox: Sandbox, bundlePath: string, code: string, name: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < WITHOUT_CACHE + COLD_STARTS; i++) {
    times.push(await timed(() => invoke(sandbox, versionOf(bundlePath, code, `${name}-${i}`))));
    // Until the next process in reserve is up.
    await sleep(300);
  }
  return times.slice(WITHOUT_CACHE);
}

async function warmTimes(work: () => Promise<unknown>): Promise<number[]> {
  for (let i = 0; i < WARM / 2; i++) await work();
  const times: number[] = [];
  for (let i = 0; i < WARM; i++) times.push(await timed(work));
  return times;
}

async function startPlain(file: string): Promise<ChildProcess> {
  const child = fork(file, { execArgv: [], serialization: 'json' });
  await ask(child);
  return child;
}

async function ask(child: ChildProcess): Promise<void> {
  child.send(JSON.parse(EVENT.toString()) as object);
  await once(child, 'message');
}

function rowsOf(name: string, unit: string, values: readonly number[]): Row[] {
  const { p50, p99 } = latencies(values);
  return [
    { name: `${name}: median`, unit, values: [p50], digits: 2 },
    { name: `${name}: p99`, unit, values: [p99], digits: 2 },
  ];
}
