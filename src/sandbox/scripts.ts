/** What a child is given: at PREPARE our own scripts, the same for every function; at INIT the function. */
import { isAscii } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import {
  EGRESS_REQUESTS_MAX,
  ERROR_TEXT_BYTES_MAX,
  FETCH_BODY_BYTES_MAX,
  FETCH_BYTES_IN_FLIGHT_MAX,
  FETCH_BYTES_MAX,
  FETCH_HEAD_BYTES_MAX,
  FETCHES_IN_FLIGHT_MAX,
  LOG_BYTES_MAX,
  LOG_LINE_BYTES_MAX,
  LOG_LINES_MAX,
  RESULT_BYTES_MAX,
  SCRATCH_BYTES_MAX,
  ZLIB_BYTES_MAX,
} from '../limits.ts';
import { buildBootstrap, buildChild } from './build.ts';
import { type InitHead, type PrepareHead, packedParts } from './protocol.ts';
import type { ApplicationLogLevel, FunctionVersion } from './types.ts';

const EMPTY = Buffer.alloc(0);

/** A script's text, and V8's code cache of it once there is one (code-cache.ts puts it there). */
export interface Script {
  readonly kind: 'plain' | 'bundle';
  readonly text: Buffer;
  readonly ascii: boolean;
  cache: Buffer;
}

export function scriptOf(kind: Script['kind'], text: Buffer): Script {
  return { kind, text, ascii: isAscii(text), cache: EMPTY };
}

export interface Scripts {
  /** Path of the child's program. */
  readonly child: string;
  readonly bootstrap: Script;
  readonly prelude: Script;
}

export async function prepareScripts(cacheDir: string, preludePath: string | null): Promise<Scripts> {
  const [child, bootstrap, prelude] = await Promise.all([
    buildChild(cacheDir),
    buildBootstrap(cacheDir).then((path) => readFile(path)),
    preludePath === null ? EMPTY : readFile(preludePath),
  ]);
  return { child, bootstrap: scriptOf('plain', bootstrap), prelude: scriptOf('plain', prelude) };
}

/** Payload of PREPARE. */
export function preparePayload({ bootstrap, prelude }: Scripts, memorySizeMb: number, rehearse: boolean): Buffer[] {
  const head: PrepareHead = {
    memorySizeMb,
    rehearse,
    limits: {
      resultBytes: RESULT_BYTES_MAX,
      logLineBytes: LOG_LINE_BYTES_MAX,
      logLines: LOG_LINES_MAX,
      logBytes: LOG_BYTES_MAX,
      fetches: FETCHES_IN_FLIGHT_MAX,
      fetchesInAll: EGRESS_REQUESTS_MAX,
      fetchBytesInAll: FETCH_BYTES_MAX,
      fetchBytesInFlight: FETCH_BYTES_IN_FLIGHT_MAX,
      fetchHeadBytes: FETCH_HEAD_BYTES_MAX,
      fetchBodyBytes: FETCH_BODY_BYTES_MAX,
      errorTextBytes: ERROR_TEXT_BYTES_MAX,
      zlibBytes: ZLIB_BYTES_MAX,
      scratchBytes: SCRATCH_BYTES_MAX,
    },
  };
  return packedParts([Buffer.from(JSON.stringify(head)), bootstrap.text, prelude.text, bootstrap.cache, prelude.cache]);
}

/** Payload of INIT. */
export function initPayload(version: FunctionVersion, bundle: Script, logStreamName: string): Buffer[] {
  const head: InitHead = {
    functionName: version.name,
    functionVersion: version.hash,
    handlerText: version.handlerText,
    exportPath: version.exportPath,
    memorySizeMb: version.memorySizeMb,
    environment: { ...lambdaEnvironment(version, logStreamName), ...version.environment },
    logStreamName,
    logLevelMin: LOG_LEVELS.indexOf(version.applicationLogLevel ?? 'TRACE'),
  };
  return packedParts([Buffer.from(JSON.stringify(head)), bundle.text, bundle.cache]);
}

const LOG_LEVELS: readonly ApplicationLogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** Of Lambda's own variables those that only the daemon knows; the others are in runtime/process.ts. The user's own come before all. */
function lambdaEnvironment(version: FunctionVersion, logStreamName: string): Record<string, string> {
  const level = version.applicationLogLevel;
  return {
    _HANDLER: version.handlerText,
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${version.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
    // Loggers that are told it by Lambda keep to it; without a level they have their own.
    ...(level === undefined || level === 'TRACE' ? {} : { AWS_LAMBDA_LOG_LEVEL: level }),
  };
}
