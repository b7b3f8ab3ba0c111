/**
 * The sandbox alone: warm invocations (time, and CPU of daemon and child together), cold starts, memory of a warm child.
 * Run: node bench/sandbox.ts
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../src/observe/log.ts';
import { buildPrelude } from '../src/sandbox/build-prelude.ts';
import { createSandbox } from '../src/sandbox/pool.ts';

import type { FunctionVersion, InvokeOutcome, Sandbox } from '../src/sandbox/types.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
const preludePath = process.argv[2] === 'bootstrap' ? null : (await buildPrelude(directory)).path;
const withPrelude = preludePath !== null;
const refuse = () =>
  Promise.resolve({ ok: false as const, error: { name: 'Error', message: 'refused', code: 'REFUSED' } });
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

function versionOf(code: string, name: string): FunctionVersion {
  const bundlePath = path.join(directory, `${name}.js`);
  writeFileSync(bundlePath, code);
  const hash = createHash('sha256').update(code).update(name).digest('hex');
  return {
    name,
    hash,
    bundlePath,
    sourceMapPath: null,
    codeCachePath: null,
    exportPath: 'handler',
    handlerText: 'handler',
    memorySizeMb: 128,
    timeoutMs: 10_000,
    environment: {},
    networkAllow: [],
    secrets: [],
    concurrencyPerProcess: 1,
  };
}

async function invoke(
  sandbox: Sandbox,
  version: FunctionVersion,
  event: Buffer,
): Promise<Extract<InvokeOutcome, { kind: 'ok' }>> {
  const outcome = await sandbox.invoke({
    version,
    event,
    ascii: true,
    context: { requestId: 'bench' },
    lease: null,
    log: () => undefined,
  });
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  return outcome;
}

/** CPU seconds of this process and of its children that are alive, in µs. Main threads only for the children. */
function cpuUs(): number {
  const own = process.cpuUsage();
  let sum = own.user + own.system;
  if (process.platform !== 'linux') return sum;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      if (Number(stat[1]) === process.pid)
        sum += Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1000;
    } catch {
      // The process ended meanwhile.
    }
  }
  return sum;
}

function kinesisEvent(records: number): Buffer {
  const data = Buffer.from(
    JSON.stringify({
      id: 12345,
      name: 'a record',
      values: Array.from({ length: 40 }, (_, i) => i * 1.5),
      pad: 'x'.repeat(250),
    }),
  ).toString('base64');
  const record = {
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: 'AMS',
      sequenceNumber: '173237000000000000000000000000003',
      data,
      approximateArrivalTimestamp: 1732370000.123,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: 'shardId-000000000000:173237000000000000000000000000003',
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::role/millrace',
    awsRegion: 'local',
    eventSourceARN: 'arn:millrace:redis:::stream/clicks',
  };
  return Buffer.from(JSON.stringify({ Records: Array.from({ length: records }, () => record) }));
}

async function warm(
  sandbox: Sandbox,
  label: string,
  version: FunctionVersion,
  event: Buffer,
  records: number,
  rounds: number,
): Promise<void> {
  for (let i = 0; i < Math.min(rounds, 3_000); i++) await invoke(sandbox, version, event);
  const cpu = cpuUs();
  const started = performance.now();
  for (let i = 0; i < rounds; i++) await invoke(sandbox, version, event);
  const us = ((performance.now() - started) * 1000) / rounds;
  const cpuEach = (cpuUs() - cpu) / rounds;
  print(
    `${label.padEnd(34)} ${us.toFixed(0).padStart(7)} µs  ${cpuEach.toFixed(0).padStart(7)} µs CPU  ${Math.round(
      (records * 1e6) / us,
    )
      .toLocaleString('en')
      .padStart(10)} records/s  ${event.length} B`,
  );
}

async function cold(label: string, code: string, spares: number): Promise<void> {
  const sandbox = await createSandbox({
    cacheDir: directory,
    preludePath,
    egress: refuse,
    log: silentLog,
    spares,
  });
  // The same code under many names: the first ones make the code caches.
  const times: number[] = [];
  let rss = 0;
  for (let i = 0; i < 12; i++) {
    const { report } = await invoke(sandbox, versionOf(code, `cold-${spares}-${i}`), Buffer.from('{}'));
    if (i >= 4) times.push(report.initDurationMs ?? 0);
    rss = report.maxMemoryUsedMb;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  times.sort((a, b) => a - b);
  print(
    `${label.padEnd(34)} ${times[times.length >> 1]!.toFixed(1)} ms median, ${times.at(-1)!.toFixed(1)} ms worst of ${times.length}; RSS of the child ${rss} MB`,
  );
  await sandbox.close();
}

/** Functions like a bundler's output; most are never called. */
function filler(bytes: number): string {
  let text = '';
  for (let i = 0; text.length < bytes; i++)
    text += `var __m${i} = (exports, module) => { class C${i} { constructor(a) { this.a = a; } run(x) { return x.map((y) => ({ ...y, n: ${i} + this.a })); } } module.exports = { C${i}, name: "module ${i}" }; };\n`;
  return `${text}exports.handler = async (event) => event;`;
}

const sandbox = await createSandbox({
  cacheDir: directory,
  preludePath,
  egress: refuse,
  log: silentLog,
});
print(`node ${process.version}, ${withPrelude ? 'bootstrap and prelude' : 'bootstrap only'}`);
await warm(
  sandbox,
  'warm, nothing, 100-byte event',
  versionOf('exports.handler = async () => 1', 'nothing'),
  Buffer.from(`{"x":"${'a'.repeat(92)}"}`),
  1,
  20_000,
);
const decode = withPrelude
  ? 'Buffer.from(r.kinesis.data, "base64").toString()'
  : 'String.fromCharCode.apply(null, Uint8Array.fromBase64(r.kinesis.data))';
const parses = versionOf(
  `exports.handler = async (e) => { let n = 0; for (const r of e.Records) n += JSON.parse(${decode}).id; return { n, batchItemFailures: [] } }`,
  'parses',
);
for (const [records, rounds] of [
  [1, 10_000],
  [10, 5_000],
  [100, 1_500],
  [1_000, 150],
] as const)
  await warm(sandbox, `warm, parses ${records} × 500 B`, parses, kinesisEvent(records), records, rounds);
await sandbox.close();
for (const spares of [0, 1]) {
  await cold(`cold, 5 kB bundle, ${spares === 0 ? 'no spare' : 'with a spare'}`, filler(5_000), spares);
  await cold(`cold, 500 kB bundle, ${spares === 0 ? 'no spare' : 'with a spare'}`, filler(500_000), spares);
}
rmSync(directory, { recursive: true, force: true });
