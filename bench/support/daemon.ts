/** Other programs that are measured: `bin/millrace start` and the peers, as processes with lines on their standard output. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MILLRACE = fileURLToPath(new URL('../../bin/millrace', import.meta.url));
const START_MS = 120_000;

export interface Program {
  readonly pid: number;
  /** Each line of standard output from now on. */
  onLine(listener: (line: string) => void): void;
  /** The next line that begins so; rejects with the last output when the program ends first. */
  next(beginning: string, withinMs?: number): Promise<string>;
  /** What it wrote last, once it has ended. */
  ended(): string | undefined;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for the exit. */
  stop(): Promise<void>;
}

export interface Daemon extends Program {
  /** As it signs what it holds. */
  readonly id: string;
}

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** Anything else, e.g. a peer that is no Node program. */
export function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  running.add(child);
  const listeners = new Set<(line: string) => void>();
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void exited.then(() => running.delete(child));
  let rest = '';
  let last = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    last = (last + text).slice(-2_000);
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (last = (last + text).slice(-2_000)));
  return {
    pid: child.pid!,
    onLine: (listener) => void listeners.add(listener),
    next(beginning, withinMs = START_MS) {
      return new Promise((resolve, reject) => {
        const fail = (why: string) => reject(new Error(`${file} ${args.join(' ')} ${why}: ${last}`));
        const timer = setTimeout(() => fail(`said no "${beginning}" within ${withinMs} ms`), withinMs);
        void exited.then(() => fail('ended'));
        const listener = (line: string) => {
          if (!line.startsWith(beginning)) return;
          clearTimeout(timer);
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
      });
    },
    ended: () => (running.has(child) ? undefined : last),
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface DaemonPlace {
  /** The one processor that it and its children have. */
  readonly processor?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves when the daemon says that it is ready. */
export async function startMillrace(
  config: string,
  args: readonly string[] = [],
  { processor, env }: DaemonPlace = {},
): Promise<Daemon> {
  const all = ['start', '-c', config, '--http', 'off', '--log-level', 'info', ...args];
  const program =
    processor === undefined
      ? start(MILLRACE, all, env)
      : start('taskset', ['-c', String(processor), MILLRACE, ...all], env);
  const id = await new Promise<string>((resolve, reject) => {
    program.onLine((line) => {
      if (line.includes('"msg":"ready"')) resolve((JSON.parse(line) as { id: string }).id);
    });
    program.next('\0').catch(reject);
  });
  return { ...program, id };
}

/** A verb that ends by itself; rejects when it fails. */
export async function runMillrace(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(MILLRACE, args);
}

/** A program of bench/peers, by its file's name. */
export function startPeer(name: string, args: readonly (string | number)[]): Program {
  const file = fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
  return start(process.execPath, [file, ...args.map(String)]);
}
