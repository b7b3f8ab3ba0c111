/** A real sandbox with real children, and functions written as CommonJS text (what the bundler hands over). */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { EventColumns } from '../../src/columns.ts';
import { silentLog } from '../../src/observe/log.ts';
import { createSandbox, type SandboxOptions } from '../../src/sandbox/pool.ts';
import type {
  FunctionVersion,
  HandlerLogLine,
  InvocationContext,
  InvokeOutcome,
  LeaseView,
  Sandbox,
} from '../../src/sandbox/types.ts';

export interface Invoked {
  readonly outcome: InvokeOutcome;
  readonly logs: readonly HandlerLogLine[];
}

export interface InvokeSettings {
  readonly context?: InvocationContext;
  readonly lease?: LeaseView | null;
  readonly ascii?: boolean;
  readonly columns?: EventColumns;
}

export interface TestSandbox {
  readonly sandbox: Sandbox;
  readonly directory: string;
  /** A version whose bundle is `code`; it sets `exports.handler` unless `exportPath` says otherwise. */
  version(code: string, over?: Partial<FunctionVersion>): FunctionVersion;
  invoke(version: FunctionVersion, event?: unknown, settings?: InvokeSettings): Promise<Invoked>;
  /** The version's first invocation, for tests that need only one. */
  once(code: string, event?: unknown, over?: Partial<FunctionVersion>): Promise<Invoked>;
}

const REFUSING_EGRESS: SandboxOptions['egress'] = () =>
  Promise.resolve({ ok: false, error: { name: 'Error', message: 'refused', code: 'ERR_EGRESS_REFUSED' } });

export async function makeSandbox(
  options: Partial<SandboxOptions> = {},
): Promise<TestSandbox & { close(): Promise<void> }> {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-sandbox-'));
  const sandbox = await createSandbox({
    cacheDir: directory,
    preludePath: null,
    egress: REFUSING_EGRESS,
    log: silentLog,
    ...options,
  });
  const version = (code: string, over: Partial<FunctionVersion> = {}): FunctionVersion => {
    const hash = createHash('sha256').update(code).update(randomUUID()).digest('hex');
    const bundlePath = path.join(directory, `${hash}.js`);
    writeFileSync(bundlePath, code);
    return {
      name: `fn-${hash.slice(0, 8)}`,
      hash,
      bundlePath,
      sourceMapPath: null,
      codeCachePath: null,
      exportPath: 'handler',
      handlerText: 'index.handler',
      memorySizeMb: 64,
      timeoutMs: 5_000,
      environment: {},
      networkAllow: [],
      secrets: [],
      concurrencyPerProcess: 1,
      ...over,
    };
  };
  const invoke = async (of: FunctionVersion, event: unknown = {}, settings: InvokeSettings = {}): Promise<Invoked> => {
    const logs: HandlerLogLine[] = [];
    const outcome = await sandbox.invoke({
      version: of,
      event: Buffer.from(JSON.stringify(event)),
      ascii: settings.ascii ?? false,
      ...(settings.columns === undefined ? {} : { columns: settings.columns }),
      context: settings.context ?? { requestId: randomUUID() },
      lease: settings.lease ?? null,
      log: (line) => logs.push(line),
    });
    return { outcome, logs };
  };
  return {
    sandbox,
    directory,
    version,
    invoke,
    once: (code, event, over) => invoke(version(code, over), event),
    close: async () => {
      await sandbox.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One sandbox for the tests of a file. */
export function useSandbox(options: Partial<SandboxOptions> = {}): TestSandbox {
  let made: Awaited<ReturnType<typeof makeSandbox>>;
  beforeAll(async () => {
    made = await makeSandbox(options);
  });
  afterAll(() => made.close());
  return {
    get sandbox() {
      return made.sandbox;
    },
    get directory() {
      return made.directory;
    },
    version: (...args) => made.version(...args),
    invoke: (...args) => made.invoke(...args),
    once: (...args) => made.once(...args),
  };
}

/** The parsed result of an outcome that must be a success. */
export function resultOf({ outcome }: Invoked): unknown {
  if (outcome.kind !== 'ok') throw new Error(`expected a result, got ${JSON.stringify(outcome)}`);
  return JSON.parse(outcome.result) as unknown;
}

export type FunctionError = Extract<InvokeOutcome, { kind: 'function-error' }>;

export function errorOf({ outcome }: Invoked): FunctionError {
  if (outcome.kind !== 'function-error')
    throw new Error(`expected a function error, got ${JSON.stringify(outcome).slice(0, 500)}`);
  return outcome;
}

const SIGKILL_BIT = 1n << 8n;

/**
 * False for a zombie too: it runs nothing, whoever is to bury it. And for one that SIGKILL waits for: not an instruction of its own comes after that,
 * but on a machine that is full it takes its time to be gone.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const pending = [...status.matchAll(/^S(?:ig|hd)Pnd:\s*([0-9a-f]+)/gm)].map((match) => BigInt(`0x${match[1]}`));
    return !/^State:\s*[ZX]/m.test(status) && !pending.some((signals) => (signals & SIGKILL_BIT) !== 0n);
  } catch {
    // No such process, or it went between the two looks.
    return false;
  }
}
