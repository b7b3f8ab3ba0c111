/** Runs a program as a shell would, and tells everything it did. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './house/files.ts';

export const MILLRACE = path.join(ROOT, 'bin', 'millrace');

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd ?? ROOT, env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    // A program that ends without reading its input is no failure of the test.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

export interface Running {
  readonly pid: number;
  /** Everything written so far, both streams. */
  output(): string;
  /** Waits until the output after the last match contains a match; rejects when the program ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a program that goes on; the test kills it if it is still there at the end (`stop` in a hook). */
export function start(command: string, args: readonly string[], options: Omit<RunOptions, 'input'> = {}): Running {
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let seen = 0;
  let look = () => undefined as void;
  const take = (data: Buffer) => {
    output += data.toString();
    look();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: child.pid!,
    output: () => output,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = pattern.exec(output.slice(seen));
          if (!found) return;
          seen += found.index + found[0].length;
          look = () => undefined;
          resolve(found);
        };
        look();
        const gone = () => reject(new Error(`it ended before ${pattern} came; it said:\n${output}`));
        ended.then(gone, gone);
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}
