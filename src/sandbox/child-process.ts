/** One child process and its wire: frames in, frames out, one job at a time. It knows nothing of time, memory or outcomes. */
import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import {
  CHILD_LAST_WORDS_MS,
  CHILD_STDERR_BYTES_MAX,
  CODE_CACHE_BYTES_MAX,
  ERROR_TEXT_BYTES_MAX,
  FETCH_BODY_BYTES_MAX,
  FETCH_HEAD_BYTES_MAX,
  LOG_LINE_BYTES_MAX,
  RESULT_BYTES_MAX,
} from '../limits.ts';
import { Priority } from './priority.ts';
import {
  COMPILE,
  COMPILED,
  FAILURE,
  FETCH,
  FETCH_CANCEL,
  FLAG_BODY,
  FLAG_FATAL,
  type Frame,
  FrameReader,
  frameHeader,
  INIT,
  INIT_DONE,
  INVOKE,
  LOG,
  OUT_OF_MEMORY,
  PREPARE,
  PREPARED,
  ProtocolError,
  READY,
  RESULT,
  unpackParts,
} from './protocol.ts';
import { WireBounds } from './wire-bounds.ts';

/** How a job on a child ended. `lost`: the process is gone, or was ended because of what it sent. */
export type JobEnd =
  | { readonly kind: 'prepared' }
  | { readonly kind: 'initialised' }
  | { readonly kind: 'result'; readonly text: string; readonly dropped: number }
  | { readonly kind: 'failure'; readonly text: string; readonly dropped: number; readonly fatal: boolean }
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'compiled'; readonly caches: readonly Buffer[] }
  /** `delivered` false: it was gone before it took the job, which is nothing that the job did. */
  | {
      readonly kind: 'lost';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly stderr: string;
      readonly delivered: boolean;
    };

export interface JobPorts {
  log(level: number, text: string): void;
  fetch(id: number, head: Buffer, body: Buffer | null): void;
  fetchCancel(id: number): void;
}

function unexpected(): never {
  throw new ProtocolError('no function runs in this job');
}

/** For jobs in which nothing but our own code runs: it asks for nothing. */
export const NO_PORTS: JobPorts = { log: unexpected, fetch: unexpected, fetchCancel: unexpected };

const FRAME_BOUNDS: Readonly<Record<number, number>> = {
  [READY]: 0,
  [PREPARED]: 0,
  [INIT_DONE]: 0,
  [RESULT]: 4 + RESULT_BYTES_MAX,
  // Three texts, each cut inside; JSON may double them, and a character is up to three bytes.
  [FAILURE]: 16 * ERROR_TEXT_BYTES_MAX,
  [LOG]: LOG_LINE_BYTES_MAX,
  [FETCH]: 12 + FETCH_HEAD_BYTES_MAX + FETCH_BODY_BYTES_MAX,
  [FETCH_CANCEL]: 4,
  [OUT_OF_MEMORY]: 0,
  [COMPILED]: CODE_CACHE_BYTES_MAX,
};

/** Why the daemon ended a child by itself; null when it did not. */
export type KillReason = 'timeout' | 'memory' | 'protocol' | 'closing' | 'evicted' | 'used-up' | null;

/** The only job that each of these may end. */
const ANSWER_TO: Readonly<Record<number, number>> = {
  [PREPARED]: PREPARE,
  [INIT_DONE]: INIT,
  [RESULT]: INVOKE,
  [COMPILED]: COMPILE,
};

const SMALL_FRAME_BYTES = 16 * 1024;

export class SandboxChild {
  readonly pid: number;
  readonly startedMono = performance.now();
  /** Resolves true once the program runs, false if it never did. */
  readonly ready: Promise<boolean>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  killedFor: KillReason = null;
  /** Hash of the version it was initialised for; a child serves one version only. */
  version: string | null = null;
  idleSinceMono = 0;
  rssBytes = 0;
  peakRssBytes = 0;
  rssReadMono = 0;
  readonly priority: Priority;
  /** Jobs begun so far. */
  jobs = 0;
  readonly #process: ChildProcess;
  readonly #wire: Duplex;
  #job: { readonly type: number; readonly ports: JobPorts; readonly end: (end: JobEnd) => void } | null = null;
  #delivered = true;
  #heard = false;
  #dead = false;
  #stderr = '';
  readonly #bounds = new WireBounds();

  constructor(child: ChildProcess) {
    this.#process = child;
    this.pid = child.pid ?? -1;
    this.priority = new Priority(this.pid);
    this.#wire = child.stdio[3] as Duplex;
    let started = false;
    let exited = false;
    let setReady: (ready: boolean) => void;
    this.ready = new Promise((resolve) => (setReady = resolve));
    const reader = new FrameReader((type) => FRAME_BOUNDS[type]);
    this.#wire.on('data', (chunk: Buffer) => {
      // What was already read when the child was ended for it is of no interest.
      if (this.killedFor !== null) return;
      this.#guarded(() => {
        this.#bounds.read(chunk.length);
        reader.push(chunk, (frame) => {
          if (frame.type !== READY || started) return this.#accept(frame);
          started = true;
          setReady(true);
        });
      });
    });
    // The process is ending: its exit is what counts. A broken pipe before the child said anything means that the job was not read.
    this.#wire.on('error', () => {
      if (!this.#heard) this.#delivered = false;
    });
    // One that closed its pipe and stays has nothing more to say.
    this.#wire.on('close', () => {
      setTimeout(() => exited || this.kill('protocol'), CHILD_LAST_WORDS_MS).unref();
    });
    child.stdin?.on('error', () => undefined);
    const stderr = child.stderr as Readable;
    stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < CHILD_STDERR_BYTES_MAX)
        this.#stderr += chunk.toString('latin1').slice(0, CHILD_STDERR_BYTES_MAX - this.#stderr.length);
      else if (this.killedFor === null) this.#guarded(() => this.#bounds.stderr(chunk.length));
    });
    this.gone = new Promise((resolve) => {
      let ended = false;
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (ended) return;
        ended = true;
        this.#dead = true;
        setReady(false);
        this.#wire.destroy();
        stderr.destroy();
        this.#finish({ kind: 'lost', code, signal, stderr: this.#stderr, delivered: this.#delivered });
        resolve();
      };
      child.on('close', end);
      child.on('exit', (code, signal) => {
        exited = true;
        this.#killGroup();
        // Somebody whom it started may hold its pipes open: they are not waited for.
        setTimeout(() => end(code, signal), CHILD_LAST_WORDS_MS).unref();
      });
      child.on('error', (error) => {
        this.#stderr += error.message;
        if (child.pid === undefined) end(null, null);
      });
    });
  }

  get alive(): boolean {
    return !this.#dead && this.killedFor === null;
  }

  /** What it wrote on standard error: why it could not start, or why it died. */
  get lastWords(): string {
    return this.#stderr;
  }

  get busy(): boolean {
    return this.#job !== null;
  }

  /** Starts a job with one frame; resolves when the child settles it or is gone. Never rejects. */
  run(type: number, flags: number, parts: readonly Buffer[], ports: JobPorts): Promise<JobEnd> {
    if (this.#job !== null) throw new Error('a child runs one job at a time');
    return new Promise((resolve) => {
      this.#job = { type, ports, end: resolve };
      this.jobs++;
      this.#heard = false;
      this.#delivered = true;
      this.#bounds.reset();
      // Its end of the pipe is closed already, and its exit is on its way here: then nothing that is written reaches it.
      if (this.#wire.destroyed || this.#wire.readableEnded) this.#delivered = false;
      if (this.#dead)
        return this.#finish({ kind: 'lost', code: null, signal: null, stderr: this.#stderr, delivered: false });
      this.send(type, flags, parts);
    });
  }

  /** `flushed` is called once nothing of the frame is held here any more, whatever became of it. */
  send(type: number, flags: number, parts: readonly Buffer[], flushed?: () => void): void {
    if (this.#dead) return flushed?.();
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const header = frameHeader(type, flags, bytes);
    // Copying a small frame is cheaper than a vectored write.
    if (bytes <= SMALL_FRAME_BYTES) {
      this.#wire.write(Buffer.concat([header, ...parts]), flushed);
      return;
    }
    this.#wire.cork();
    this.#wire.write(header);
    parts.forEach((part, i) => this.#wire.write(part, i === parts.length - 1 ? flushed : undefined));
    this.#wire.uncork();
  }

  /**
   * SIGKILL; the first reason counts. Its job ends here and now: nothing of user code runs after the signal, and nothing that is still in the pipe is
   * read. The process itself is gone when it has had the CPU once more.
   */
  kill(reason: Exclude<KillReason, null>): void {
    this.killedFor ??= reason;
    if (this.#dead) return;
    // It needs the CPU to end, and holds its memory until then.
    this.priority.restore();
    this.#process.kill('SIGKILL');
    this.#killGroup();
    this.#finish({ kind: 'lost', code: null, signal: 'SIGKILL', stderr: this.#stderr, delivered: this.#delivered });
  }

  /** What it may have started besides: it leads a group of its own, as long as anything in it is alive. */
  #killGroup(): void {
    try {
      if (this.pid > 0) process.kill(-this.pid, 'SIGKILL');
    } catch {
      // ESRCH: it was alone, as it should be.
    }
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#stderr += error.message;
      this.kill('protocol');
    }
  }

  #finish(end: JobEnd): void {
    const job = this.#job;
    this.#job = null;
    if (this.alive) this.priority.restore();
    job?.end(end);
  }

  #accept(frame: Frame): void {
    const { type, flags, payload } = frame;
    const job = this.#job;
    this.#heard = true;
    this.#bounds.frame();
    if (job === null) throw new ProtocolError(`frame type ${type} outside of a job`);
    const answers = ANSWER_TO[type];
    if (answers !== undefined && answers !== job.type)
      throw new ProtocolError(`frame type ${type} does not answer this job`);
    switch (type) {
      case COMPILED:
        return this.#finish({ kind: 'compiled', caches: unpackParts(Buffer.from(payload)) });
      case LOG:
        return job.ports.log(flags, payload.toString('utf8'));
      case PREPARED:
        return this.#finish({ kind: 'prepared' });
      case INIT_DONE:
        return this.#finish({ kind: 'initialised' });
      case RESULT:
        return this.#finish({ kind: 'result', text: payload.toString('utf8', 4), dropped: u32(payload) });
      case FAILURE:
        return this.#finish({
          kind: 'failure',
          text: payload.toString('utf8', 4),
          dropped: u32(payload),
          fatal: (flags & FLAG_FATAL) !== 0,
        });
      case OUT_OF_MEMORY:
        return this.#finish({ kind: 'out-of-memory' });
      case FETCH_CANCEL:
        return job.ports.fetchCancel(u32(payload));
      case FETCH: {
        const id = u32(payload);
        // Copied: a frame's bytes are only valid now, and a request outlives them.
        const [head, body] = unpackParts(Buffer.from(payload.subarray(4)), 2) as [Buffer, Buffer];
        return job.ports.fetch(id, head, (flags & FLAG_BODY) !== 0 ? body : null);
      }
      default:
        throw new ProtocolError(`frame type ${type} is not expected now`);
    }
  }
}

function u32(payload: Buffer): number {
  if (payload.length < 4) throw new ProtocolError('a number is missing');
  return payload.readUInt32LE(0);
}
