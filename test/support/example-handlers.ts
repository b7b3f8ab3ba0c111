/** The handlers of examples/handlers, run as a daemon runs them: bundled, in the real sandbox, with the real gateway. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openSandbox } from '../../src/daemon/open-daemon.ts';
import { type EncodedEvent, encodeKinesis, kinesisFrame } from '../../src/event/kinesis.ts';
import { recordParts } from '../../src/event/parts.ts';
import { loadFunction } from '../../src/function/load.ts';
import type { FunctionSource } from '../../src/function/types.ts';
import { EVENT_BYTES_MAX } from '../../src/limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import type { HandlerLogLine, InvokeOutcome, Sandbox } from '../../src/sandbox/types.ts';
import { EXAMPLES, INSTALL_MS, installExamples } from './example-packages.ts';
import { source } from './functions.ts';
import { rawBatch } from './raw-batch.ts';

const SHARD = 'shardId-000000000000';
const FIRST_MS = 1_732_370_000_000;
const PARTS = recordParts({ streamName: 's', spooled: false });
const FRAME = kinesisFrame({ parts: PARTS, shardId: SHARD, streamName: 's', arn: 'arn:millrace:redis:::stream/s' });

/** A record's data: text or bytes as they are, anything else as JSON. Its key is `k`, unless it is told. */
export type TestRecord = unknown;

export interface Answer {
  readonly result: unknown;
  readonly logs: readonly string[];
  readonly lines: readonly HandlerLogLine[];
  readonly cold: boolean;
}

export interface Example {
  /** One invocation that must succeed. */
  run(...records: readonly TestRecord[]): Promise<Answer>;
  /** One invocation, however it ends. */
  attempt(...records: readonly TestRecord[]): Promise<{ outcome: InvokeOutcome; lines: HandlerLogLine[] }>;
}

export interface Examples {
  /** `file` of examples/handlers; each call is a function of its own, with a process of its own. */
  open(file: string, settings?: ExampleSettings): Promise<Example>;
}

export interface ExampleSettings extends Pick<Partial<FunctionSource>, 'environment' | 'memorySize' | 'timeout'> {
  readonly allow?: readonly string[];
}

/** Sequence number of the nth record, from 0. */
export function sequence(n: number): string {
  return `${FIRST_MS + n}${'0'.repeat(20)}`;
}

/** In columns, as a turn has it encoded. */
function kinesisEvent(records: readonly TestRecord[]): EncodedEvent {
  const entries = records.map((record, n) => {
    const data = typeof record === 'string' || Buffer.isBuffer(record) ? record : JSON.stringify(record);
    const fields = [['partitionKey', 'k'] as const, ['data', data] as const];
    return { id: `${FIRST_MS + n}-0`, fields };
  });
  const bounds = { arrivalMs: (n: number) => FIRST_MS + n, maxBytes: EVENT_BYTES_MAX, whole: false };
  return encodeKinesis(FRAME, rawBatch(entries), 0, entries.length, bounds);
}

function contextFor(count: number) {
  const bounds = { firstSequenceNumber: sequence(0), lastSequenceNumber: sequence(count - 1) };
  return {
    requestId: randomUUID(),
    mapping: { name: 'm', shardId: SHARD, epoch: '1732370000000000', attempt: 1, ...bounds },
  };
}

/** One sandbox for the tests of a file. What each bundle weighs and how long it took to start is printed at the end. */
export function useExamples(): Examples {
  const cold: string[] = [];
  let sandbox: Sandbox;
  let cacheDir = '';
  beforeAll(async () => {
    await installExamples();
    cacheDir = mkdtempSync(path.join(tmpdir(), 'millrace-examples-'));
    sandbox = await openSandbox(cacheDir, silentLog);
  }, INSTALL_MS);
  afterAll(async () => {
    await sandbox?.close();
    rmSync(cacheDir, { recursive: true, force: true });
    if (cold.length > 0) process.stdout.write(`${cold.join('\n')}\n`);
  });

  async function open(file: string, settings: ExampleSettings = {}): Promise<Example> {
    const { allow = [], ...others } = settings;
    const code = path.join(EXAMPLES, file);
    const name = path.basename(file).replace(/\.\w+$/, '');
    const began = performance.now();
    const version = await loadFunction(source(code, { name, network: { allow }, ...others }), cacheDir);
    const bundleMs = performance.now() - began;
    const attempt: Example['attempt'] = async (...records) => {
      const lines: HandlerLogLine[] = [];
      const { event, columns } = kinesisEvent(records);
      const outcome = await sandbox.invoke({
        ...{ version, event, ascii: true, context: contextFor(records.length), lease: null },
        columns,
        log: (line) => lines.push(line),
      });
      if (outcome.kind === 'ok' && outcome.report.initDurationMs !== undefined) {
        const size = `${Math.round(statSync(version.bundlePath).size / 1024)} KB`;
        const { initDurationMs, maxMemoryUsedMb } = outcome.report;
        cold.push(
          `${file.padEnd(28)} ${size.padStart(8)}, bundled in ${bundleMs.toFixed(0)} ms, cold start ${initDurationMs.toFixed(0)} ms, ${maxMemoryUsedMb} MB`,
        );
      }
      return { outcome, lines };
    };
    return {
      attempt,
      async run(...records) {
        const { outcome, lines } = await attempt(...records);
        const logs = lines.map((line) => line.text);
        if (outcome.kind !== 'ok') throw new Error(`${file} failed: ${JSON.stringify({ outcome, logs }, null, 2)}`);
        const isCold = outcome.report.initDurationMs !== undefined;
        return { result: JSON.parse(outcome.result) as unknown, logs, lines, cold: isCold };
      },
    };
  }
  return { open };
}
