/**
 * pino behind the log port: JSON lines on standard output, or lines for people on a terminal. Secrets are taken out of the finished line,
 * so that none gets through whatever field it is in.
 */
import { type Level, pino, stdSerializers, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { MillraceError } from '../errors.ts';
import { LOG_BUFFER_BYTES_MAX, LOG_END_MS } from '../limits.ts';
import { systemClock } from '../time.ts';
import type { Log, LogFields } from './log.ts';
import { lineRedactor } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** Values of at least 8 characters that no line may contain. */
  readonly secrets?: readonly string[];
  /** For people; unset: when standard output is a terminal. */
  readonly pretty?: boolean;
  /** Where lines go instead of standard output; for tests and for the live view of `dev`. */
  readonly write?: (line: string) => void;
}

export interface HandlerOrigin {
  readonly function: string;
  readonly mapping?: string;
  readonly shard?: string;
}

export interface HandlerLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly requestId: string;
  /** Lambda's own lines around an invocation; else what the handler wrote. */
  readonly stream?: 'platform';
}

export interface Logger extends Log {
  /** Takes what a handler wrote; whatever the level of the daemon's own lines, none of these is left out (contract.md). */
  handler(origin: HandlerOrigin): (line: HandlerLine) => void;
  /** After a reload: the secrets of the new configuration, beside the ones known before. */
  addSecrets(secrets: readonly string[]): void;
  /** Writes what is still buffered, as far as somebody reads it; what comes after it is not written. */
  end(): Promise<void>;
}

export function createLogger(options: LoggerOptions = {}): Logger {
  let secrets = options.secrets ?? [];
  let redact = lineRedactor(secrets);
  const sink = openSink(options);
  const root = pino(
    {
      level: 'trace',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    { write: (line: string) => sink.write(redact(line)) },
  );
  const own = root.child({}, { level: options.level ?? 'info' });
  return {
    ...toLog(own),
    handler: (origin) => {
      const fields = { function: origin.function, mapping: origin.mapping, shard: origin.shard };
      return ({ level, text, requestId, stream = 'handler' }) =>
        root[level]({ ...fields, requestId, stream }, '%s', text);
    },
    addSecrets: (more) => {
      secrets = [...new Set([...secrets, ...more])];
      redact = lineRedactor(secrets);
    },
    end: () => sink.end(),
  };
}

type PinoLike = Pick<ReturnType<typeof pino>, LogLevel | 'child'>;

function toLog(logger: PinoLike): Log {
  const at = (level: Level & LogLevel) => (fields: LogFields, msg: string) => logger[level](fields, '%s', msg);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => toLog(logger.child(fields)),
  };
}

interface Sink {
  write(line: string): void;
  end(): Promise<void>;
}

function openSink(options: LoggerOptions): Sink {
  if (options.write) return { write: options.write, end: () => Promise.resolve() };
  // Not synchronous: a reader of the log that stalls must not stall the daemon. Beyond the bound lines are dropped, not kept in memory.
  const out = pino.destination({ fd: 1, sync: false, maxLength: LOG_BUFFER_BYTES_MAX });
  const pretty = (options.pretty ?? process.stdout.isTTY) ? forPeople() : (line: string) => line;
  let over = false;
  // One that ends otherwise (a defect) may lose its last lines; pino's own way at the exit is `flushSync` (see below).
  process.prependListener('exit', () => out.destroy());
  return {
    write: (line) => over || void out.write(pretty(line)),
    end: () => {
      over = true;
      return endQuietly(out);
    },
  };
}

function forPeople(): (line: string) => string {
  return prettyFactory({
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'stream',
    singleLine: true,
  });
}

/**
 * What a destination cannot take any more at the end is nobody's to read. Never by `flushSync`, which tries the same write again for ever,
 * and holds the process, when the reader stalls or is gone.
 */
async function endQuietly(out: ReturnType<typeof pino.destination>): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    out.once('close', resolve);
    out.once('error', () => resolve());
  });
  out.end();
  await Promise.race([ended, systemClock.sleep(LOG_END_MS)]);
  out.destroy();
}

/** Our own errors are sentences, without the stack that means nothing to a user; a stack stays where it is a defect's. */
function errorFields(error: unknown): unknown {
  if (error instanceof MillraceError) return { code: error.code, message: error.message, hint: error.hint };
  return error instanceof Error ? stdSerializers.err(error) : error;
}
