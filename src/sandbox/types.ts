/**
 * What the executor knows of running a function: invoke(version, event, context) → outcome. That an isolate in a child process
 * does it is the sandbox's own affair (architecture.md §6: other runtimes will stand behind the same types).
 */

import type { EventColumns } from '../columns.ts';

/** One immutable version of a function: code plus everything that an attempt depends on. */
export interface FunctionVersion {
  readonly name: string;
  /** SHA-256 (hex) over bundle, handler and the settings below: equal hash, equal behaviour. */
  readonly hash: string;
  /** Bundled, self-contained script (path of a file in the bundle cache) and its source map. */
  readonly bundlePath: string;
  readonly sourceMapPath: string | null;
  /** V8 code cache made by us for this bundle and this Node, if there is one yet. Never taken from users. */
  readonly codeCachePath: string | null;
  /** How to find the handler in the bundle's exports: `handler`, or nested `a.b`. */
  readonly exportPath: string;
  /** As the user wrote it, for `Runtime.HandlerNotFound` and friends. */
  readonly handlerText: string;
  readonly memorySizeMb: number;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly networkAllow: readonly string[];
  /** Values that must never appear in a log line or error text. */
  readonly secrets: readonly string[];
  /** Invocations in flight per child process; 1 unless the user says otherwise. */
  readonly concurrencyPerProcess: number;
  /** Lambda's own lines (START, END, REPORT) are logged around each invocation. */
  readonly systemLog?: boolean;
  /** What `console` writes below this level is dropped inside; absent: nothing is. */
  readonly applicationLogLevel?: ApplicationLogLevel;
}

/** From the lowest. No member of `console` is as high as FATAL. */
export type ApplicationLogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';

/** The right to act for a shard, checked at the moment of every outgoing request (P7). */
export interface LeaseView {
  readonly epoch: string;
  /** Asks Redis whether the epoch is still current. Rejects or answers false when it cannot be sure. */
  confirm(): Promise<boolean>;
  /** Local and synchronous: false as soon as the local deadline passed or the loss is known. Called right before the write. */
  held(): boolean;
}

export interface InvocationContext {
  readonly requestId: string;
  /** Absent for a direct `millrace invoke`. */
  readonly mapping?: {
    readonly name: string;
    readonly shardId: string;
    readonly epoch: string;
    /** Deliveries of this unit, from 1. */
    readonly attempt: number;
    readonly firstSequenceNumber: string;
    readonly lastSequenceNumber: string;
  };
}

export interface HandlerLogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly requestId: string;
}

export interface InvokeRequest {
  readonly version: FunctionVersion;
  /** The event as JSON text in UTF-8, or the values of its records as `columns` says; ASCII only when `ascii` is set, which lets the child skip decoding. */
  readonly event: Buffer;
  readonly ascii: boolean;
  /** Absent or null: it is text. */
  readonly columns?: EventColumns | null;
  readonly context: InvocationContext;
  readonly lease: LeaseView | null;
  readonly log: (line: HandlerLogLine) => void;
  /** Told when the function's code begins to be loaded, if it is, and when the handler is called. */
  readonly phase?: (phase: 'init' | 'invoke') => void;
}

export interface FunctionErrorPayload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

export interface InvocationReport {
  readonly durationMs: number;
  /** Present when this invocation made a cold start. */
  readonly initDurationMs?: number;
  readonly maxMemoryUsedMb: number;
  readonly droppedLogLines?: number;
}

/** `metric` is the outcome label of millrace_invocations_total (contract.md). */
export type InvokeOutcome =
  | { readonly kind: 'ok'; readonly result: string; readonly report: InvocationReport }
  | {
      readonly kind: 'function-error';
      readonly metric: 'error' | 'timeout' | 'out_of_memory' | 'killed';
      readonly error: FunctionErrorPayload;
      readonly report: InvocationReport;
    }
  /** Not the function's doing: shutdown, spawn failed, no child came free. Spends no attempt. */
  | {
      readonly kind: 'infrastructure';
      readonly reason: string;
      /** It did not get a child in time. */
      readonly throttled?: true;
      /** It was put off before it was delivered, and may come again then. */
      readonly retryAfterMs?: number;
    };

/** How a function lost a child. `exit`: process.exit, an uncaught error, a crash or a signal; `startFailed`: before it came to the handler. */
export type LossReason = 'timeout' | 'outOfMemory' | 'exit' | 'protocol' | 'startFailed';

export interface LastLoss {
  /** Wall clock, ms. */
  readonly timeMs: number;
  readonly reason: LossReason;
  readonly errorType: string;
  readonly errorMessage: string;
  /** Null for a direct `millrace invoke`. */
  readonly mapping: string | null;
  readonly shardId: string | null;
}

/** A function in this sandbox, all its versions together. Counts are since the sandbox began. */
export interface SandboxStats {
  readonly function: string;
  /** Hash of the version that was invoked last. */
  readonly version: string;
  readonly children: number;
  readonly rssBytes: number;
  readonly coldStarts: number;
  readonly lost: Readonly<Record<LossReason, number>>;
  readonly lastLoss: LastLoss | null;
  /** Ms until it may start another child, and the pause between two starts; both 0 while it is not slowed. */
  readonly slowedForMs: number;
  readonly startEveryMs: number;
}

export interface Sandbox {
  /** Never rejects for anything that user code does. */
  invoke(request: InvokeRequest): Promise<InvokeOutcome>;
  /**
   * Ms for which it is of no use to invoke the version, because it lost its children too often and has none now; 0: invoke. Who waits holds
   * nothing meanwhile (architecture.md, P4).
   */
  holdOffMs(version: FunctionVersion): number;
  stats(): SandboxStats[];
  /** Processes that wait for a function: none before the first invocation. */
  reserve(): { readonly processes: number; readonly rssBytes: number };
  /** Kills every child; resolves when they are gone. In-flight invocations resolve as infrastructure. */
  close(): Promise<void>;
}
