/** Everything a child is given at INIT besides its function: built once per sandbox. And what INIT says. */
import { readFile } from 'node:fs/promises';
import {
  ERROR_TEXT_BYTES_MAX,
  FETCH_BODY_BYTES_MAX,
  FETCH_HEAD_BYTES_MAX,
  FETCHES_IN_FLIGHT_MAX,
  LOG_BYTES_MAX,
  LOG_LINE_BYTES_MAX,
  LOG_LINES_MAX,
  RESULT_BYTES_MAX,
  ZLIB_BYTES_MAX,
} from '../limits.ts';
import { buildBootstrap, buildChild } from './build.ts';
import type { CodeCaches } from './code-cache.ts';
import { type InitHead, packParts } from './protocol.ts';
import type { FunctionVersion } from './types.ts';

const EMPTY = Buffer.alloc(0);

export interface Scripts {
  /** Path of the child's program. */
  readonly child: string;
  readonly bootstrap: Buffer;
  readonly prelude: Buffer;
}

export async function prepareScripts(cacheDir: string, preludePath: string | null): Promise<Scripts> {
  const [child, bootstrap, prelude] = await Promise.all([
    buildChild(cacheDir),
    buildBootstrap(),
    preludePath === null ? EMPTY : readFile(preludePath),
  ]);
  return { child, bootstrap: Buffer.from(bootstrap), prelude };
}

/** Payload of INIT for this version. Rejects when the bundle cannot be read. */
export async function initPayload(
  scripts: Scripts,
  caches: CodeCaches,
  version: FunctionVersion,
  logStreamName: string,
): Promise<Buffer> {
  const head: InitHead = {
    functionName: version.name,
    functionVersion: version.hash,
    handlerText: version.handlerText,
    exportPath: version.exportPath,
    memorySizeMb: version.memorySizeMb,
    environment: version.environment,
    logStreamName,
    limits: {
      resultBytes: RESULT_BYTES_MAX,
      logLineBytes: LOG_LINE_BYTES_MAX,
      logLines: LOG_LINES_MAX,
      logBytes: LOG_BYTES_MAX,
      fetches: FETCHES_IN_FLIGHT_MAX,
      fetchHeadBytes: FETCH_HEAD_BYTES_MAX,
      fetchBodyBytes: FETCH_BODY_BYTES_MAX,
      errorTextBytes: ERROR_TEXT_BYTES_MAX,
      zlibBytes: ZLIB_BYTES_MAX,
    },
  };
  const { bootstrap, prelude } = scripts;
  const bundle = await readFile(version.bundlePath);
  const cached = await caches.of([
    { kind: 'plain', text: bootstrap },
    { kind: 'plain', text: prelude },
    { kind: 'bundle', text: bundle },
  ]);
  return packParts([Buffer.from(JSON.stringify(head)), bootstrap, prelude, bundle, ...cached]);
}
