/** Starts the recorder process and talks to it from tests: `useRecorder()` in a describe, or `startRecorder` by hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type FaultLine, type HistoryLine, readHistory, type Unstamped } from './history.ts';

const STOP_MS_MAX = 2_000;

export class Recorder {
  /** `http://127.0.0.1:<port>/`; handlers reach it with `network.allow: [recorder.hostPort]`. */
  readonly url: string;
  readonly hostPort: string;
  readonly file: string;
  readonly #child: ChildProcess;
  #faults = 0;

  constructor(child: ChildProcess, port: number, file: string) {
    this.#child = child;
    this.hostPort = `127.0.0.1:${port}`;
    this.url = `http://${this.hostPort}/`;
    this.file = file;
  }

  /** Resolves when the lines are in the file. */
  async record(...lines: Unstamped[]): Promise<void> {
    if (lines.length === 0) return;
    const body = JSON.stringify(lines);
    const response = await fetch(this.url, { method: 'POST', body });
    const text = await response.text();
    if (!response.ok) throw new Error(`the recorder answered ${response.status}: ${text}`);
  }

  /** Records the beginning of a fault, does it, and records its end when `act` resolves (heal it there). */
  async fault<T>(fault: Omit<Unstamped<FaultLine>, 'kind' | 'id' | 'phase'>, act: () => Promise<T>): Promise<T> {
    const line = { kind: 'fault', ...fault, id: `fault-${++this.#faults}` } as const;
    await this.record({ ...line, phase: 'begin' });
    try {
      return await act();
    } finally {
      await this.record({ ...line, phase: 'healed' });
    }
  }

  history(): Promise<HistoryLine[]> {
    return readHistory(this.file);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    await gone;
    clearTimeout(timer);
  }
}

export async function startRecorder(dir: string, run = 'run'): Promise<Recorder> {
  const file = path.join(dir, `history-${run}.ndjson`);
  const script = fileURLToPath(new URL('./recorder-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, file, run], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(line as string) as { port: number }),
    once(child, 'exit').then(() => Promise.reject(new Error('the recorder ended at its start'))),
  ]);
  lines.close();
  return new Recorder(child, first.port, file);
}

/** One recorder per test, in a directory of its own; the file is removed with it unless MILLRACE_KEEP_HISTORY is set. */
export async function withRecorder<T>(body: (recorder: Recorder) => Promise<T>, run?: string): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-history-'));
  const recorder = await startRecorder(dir, run);
  try {
    return await body(recorder);
  } finally {
    await recorder.stop();
    if (!process.env['MILLRACE_KEEP_HISTORY']) await rm(dir, { recursive: true, force: true });
  }
}
