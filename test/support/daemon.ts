/** Daemons as users run them: `bin/millrace start` as a process, its log lines as objects. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

export const MILLRACE = fileURLToPath(new URL('../../bin/millrace', import.meta.url));

export type LogLine = Record<string, unknown> & { readonly msg: string };

export interface TestDaemon {
  readonly pid: number;
  readonly lines: LogLine[];
  /** Resolves with the ready line; rejects with the output when the daemon ends before. */
  readonly ready: Promise<LogLine>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  /** The first line that matches, past or future. */
  line(match: (line: LogLine) => boolean, what: string): Promise<LogLine>;
}

export interface DaemonSpec {
  readonly config: string;
  readonly env: Record<string, string>;
  readonly args?: readonly string[];
}

const running = new Set<ChildProcess>();

/** Starts `millrace start`; ended after the test, whatever happened in it. */
export function startTestDaemon(spec: DaemonSpec): TestDaemon {
  const args = ['start', '-c', spec.config, '--http', '127.0.0.1:0', ...(spec.args ?? [])];
  const child = spawn(MILLRACE, args, {
    env: { ...process.env, ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const lines: LogLine[] = [];
  const waiting: { match: (line: LogLine) => boolean; resolve: (line: LogLine) => void }[] = [];
  let rest = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const line = JSON.parse(part) as LogLine;
      lines.push(line);
      for (const w of waiting) if (w.match(line)) w.resolve(line);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-10_000)));
  child.once('exit', () => running.delete(child));
  // Not at `exit`: then the last of what it wrote may still be in the pipe.
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const line = (match: (line: LogLine) => boolean, what: string): Promise<LogLine> => {
    const found = lines.find(match);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      waiting.push({ match, resolve });
      void exited.then(({ code, signal }) =>
        reject(new Error(`daemon ended (${code ?? signal}) before ${what}: ${errors}`)),
      );
    });
  };
  const ready = line((l) => l.msg === 'ready', 'it was ready');
  ready.catch(() => undefined);
  return {
    ...{ pid: child.pid!, lines, ready, exited, line },
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      return (await exited).code;
    },
  };
}

/** A directory with a configuration and handlers, gone after the test. */
export async function configDir(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-test-'));
  dirs.push(dir);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(dir, name), text);
  return dir;
}
const dirs: string[] = [];

/** Bundles and built scripts are shared between tests: they are named by content. */
export const TEST_CACHE = path.join(tmpdir(), 'millrace-test-cache');

// Outside of a test (bench/figures/rebalance.ts) whoever starts one ends it.
if (process.env['VITEST'] !== undefined) afterEach(endThem);

async function endThem(): Promise<void> {
  const children = [...running];
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(async (child) => child.exitCode ?? once(child, 'exit')));
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
}

/** Asks until the answer is there; the last answer is in the error when it never comes. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  enough: (answer: T) => boolean,
  options: { readonly withinMs?: number; readonly everyMs?: number; readonly what: string },
): Promise<T> {
  const deadline = performance.now() + (options.withinMs ?? 15_000);
  for (;;) {
    const answer = await ask();
    if (enough(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`never came: ${options.what}; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 25));
  }
}
