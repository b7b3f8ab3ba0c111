/**
 * `npm run bench:hostile`: what functions that spin cost the function beside them, Redis and the process that holds the sandbox; with busy children
 * lowered (as it is) and without, in turns.
 *
 *   npm run bench:hostile -- --spinners 0,1,2,4 --seconds 3 --repeats 3
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { silentLog } from '../src/observe/log.ts';
import { buildPrelude } from '../src/sandbox/build-prelude.ts';
import { createSandbox } from '../src/sandbox/pool.ts';
import type { FunctionVersion, Sandbox } from '../src/sandbox/types.ts';
import { flagsOf, positive, whole } from '../test/support/by-hand.ts';
import { startBenchRedis } from './support/redis.ts';

const CALL_EVERY_MS = 20;
const WORK_MS = 2;
const VICTIM = `exports.handler = async () => { const t = performance.now() + ${WORK_MS}; while (performance.now() < t); return 1; };`;
const SPIN = 'exports.handler = async () => { for (;;); };';

interface Lap {
  readonly calls: readonly number[];
  readonly perSecond: number;
  readonly redis: readonly number[];
  readonly loopP99Ms: number;
}

const { values: flags } = flagsOf({
  options: {
    spinners: { type: 'string', default: '0,1,2,4' },
    seconds: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '3' },
  },
});
const spinners = flags.spinners.split(',').map((one) => whole(one.trim(), 'spinners', 0));
const [seconds, repeats] = [positive(flags.seconds, 'seconds'), whole(flags.repeats, 'repeats')];

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
const server = await startBenchRedis(directory, { appendfsync: 'no' });
const redis = new Redis(server.url);
const preludePath = (await buildPrelude(directory)).path;
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

function version(name: string, code: string): FunctionVersion {
  const hash = createHash('sha256').update(name).update(code).digest('hex');
  const bundlePath = path.join(directory, `${hash}.js`);
  writeFileSync(bundlePath, code);
  return {
    ...{ name, hash, bundlePath, sourceMapPath: null, codeCachePath: null, exportPath: 'handler' },
    ...{ handlerText: 'index.handler', memorySizeMb: 128, timeoutMs: 600_000, environment: {}, networkAllow: [] },
    ...{ secrets: [], concurrencyPerProcess: 1 },
  };
}

async function lap(lowersBusy: boolean, hostile: number): Promise<Lap> {
  const sandbox = await createSandbox({
    ...{ cacheDir: directory, preludePath, log: silentLog, lowersBusy },
    egress: () => Promise.reject(new Error('no requests here')),
  });
  const call = (of: FunctionVersion): ReturnType<Sandbox['invoke']> =>
    sandbox.invoke({
      ...{ version: of, event: Buffer.from('{}'), ascii: true, context: { requestId: 'r' }, lease: null },
      log: () => undefined,
    });
  const victim = version('victim', VICTIM);
  await call(victim);
  const spinning = Array.from({ length: hostile }, (_, i) => call(version(`spin-${i}`, SPIN)));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const redisTimes: number[] = [];
  const asking = setInterval(() => {
    const began = performance.now();
    void redis.get('key').then(() => redisTimes.push(performance.now() - began));
  }, CALL_EVERY_MS);
  const calls: number[] = [];
  for (const until = performance.now() + seconds * 1_000; performance.now() < until;) {
    const began = performance.now();
    await call(victim);
    calls.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
  }
  const loopP99Ms = loop.percentile(99) / 1e6 - 5;
  let done = 0;
  for (const until = performance.now() + seconds * 1_000; performance.now() < until; done++) await call(victim);
  clearInterval(asking);
  await sandbox.close();
  await Promise.all(spinning);
  return { calls, perSecond: done / seconds, redis: redisTimes, loopP99Ms };
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
print(
  `${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}; a call works ${WORK_MS} ms; all in ms, medians of ${repeats}`,
);
print('spinners  busy children  victim p50     p99   calls/s  Redis p50     p99  loop p99');
const laps = new Map<string, Lap[]>();
for (let n = 0; n < repeats; n++)
  for (const hostile of spinners)
    for (const lowers of n % 2 === 0 ? [true, false] : [false, true]) {
      const key = `${hostile} ${lowers}`;
      laps.set(key, [...(laps.get(key) ?? []), await lap(lowers, hostile)]);
      process.stderr.write(`  ${key}: ${laps.get(key)!.at(-1)!.perSecond.toFixed(0)} calls/s\n`);
    }
for (const hostile of spinners)
  for (const lowers of [true, false]) {
    const of = laps.get(`${hostile} ${lowers}`)!;
    const shown = (value: (lap: Lap) => number, digits = 1): string =>
      quantile(of.map(value), 0.5).toFixed(digits).padStart(8);
    const columns = [
      shown((one) => quantile(one.calls, 0.5)),
      shown((one) => quantile(one.calls, 0.99)),
      `  ${shown((one) => one.perSecond, 0)}`,
      `  ${shown((one) => quantile(one.redis, 0.5), 2)}`,
      shown((one) => quantile(one.redis, 0.99), 2),
      `  ${shown((one) => one.loopP99Ms)}`,
    ];
    print(`${String(hostile).padStart(8)}  ${(lowers ? 'lowered' : 'as others').padEnd(13)}  ${columns.join('')}`);
  }
redis.disconnect();
await server.stop();
rmSync(directory, { recursive: true, force: true });
print(`load ${loadavg()[0]!.toFixed(1)} at the end`);
