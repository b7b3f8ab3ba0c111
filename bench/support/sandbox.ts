/** A sandbox without a daemon, and the functions that it is measured with. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import { createSandbox, type SandboxOptions } from '../../src/sandbox/pool.ts';
import { sleep } from './lab.ts';
import { descendants } from './processes.ts';
import type { FunctionVersion, InvocationReport, InvokeRequest, Sandbox } from '../../src/sandbox/types.ts';

export interface SandboxLab {
  readonly dir: string;
  open(options: Partial<SandboxOptions>): Promise<Sandbox>;
  /** A version of a function whose bundle is this file. Names tell versions of the same code apart. */
  version(bundlePath: string, name: string): FunctionVersion;
  /** The file of a bundle with this text. */
  bundle(name: string, code: string): string;
  close(): void;
}

export async function openSandboxLab(): Promise<SandboxLab> {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const preludePath = (await buildPrelude(dir)).path;
  const refused = { ok: false as const, error: { name: 'Error', message: 'refused', code: 'REFUSED' } };
  return {
    dir,
    open: (options) =>
      createSandbox({ cacheDir: dir, preludePath, log: silentLog, egress: () => Promise.resolve(refused), ...options }),
    version: (bundlePath, name) => ({
      ...{ name, hash: createHash('sha256').update(bundlePath).update(name).digest('hex'), bundlePath },
      ...{ sourceMapPath: null, codeCachePath: null, exportPath: 'handler', handlerText: 'handler', memorySizeMb: 128 },
      ...{ timeoutMs: 10_000, environment: {}, networkAllow: [], secrets: [], concurrencyPerProcess: 1 },
    }),
    bundle(name, code) {
      const file = path.join(dir, `${name}.cjs`);
      writeFileSync(file, code);
      return file;
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const SETTLE_MS = 30_000;

/** Process ids of what this process started, once there are so many: what makes code caches or bundles has ended by then. */
export async function childrenOnce(count: number): Promise<number[]> {
  for (const until = performance.now() + SETTLE_MS; performance.now() < until; await sleep(20)) {
    const pids = descendants(process.pid);
    if (pids.length === count) return pids;
  }
  throw new Error(`there are not ${count} child processes, but ${descendants(process.pid).length}`);
}

/** Throws when it does not succeed. The event is ASCII. */
export async function invoke(
  sandbox: Sandbox,
  version: FunctionVersion,
  event: Pick<InvokeRequest, 'event' | 'columns'>,
): Promise<InvocationReport> {
  const outcome = await sandbox.invoke({
    ...{ version, ...event, ascii: true, context: { requestId: 'bench' }, lease: null, log: () => undefined },
  });
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  return outcome.report;
}
