/** What a lab is asked for, and what its daemons are given of it: the configuration, and the function that it names. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Recorder } from '../../support/recorder.ts';
import type { SentinelGroup } from '../../support/sentinels.ts';
import { type LabSource, MAPPING, type SourceParts } from './source.ts';

/** Environment of a daemon: the lab's directory, for what it loads before anything else. */
export const LAB_DIR = 'MILLRACE_TEST_LAB';

export interface LabSpec {
  readonly name: string;
  readonly seed: number;
  /** Of the Redis stream, where no other source is given. */
  readonly shards?: number;
  readonly source?: (parts: SourceParts) => Promise<LabSource>;
  /** Redis is behind them, and theirs to end; absent: a server of the lab's own. */
  readonly sentinels?: SentinelGroup;
  readonly batchSize?: number;
  /** Seconds; well above what a stopped process sleeps through, unless that is the point. */
  readonly timeout?: number;
  readonly mapping?: Record<string, unknown>;
  /** What there is beside the lab's own. */
  readonly more?: { readonly connections?: object; readonly functions: object; readonly mappings: object };
  /** The name of one: daemons are started as it (wrong-builds/). */
  readonly wrongBuild?: string;
  /** Modules (URLs) that each daemon loads before anything else. */
  readonly preloads?: readonly string[];
  readonly drainMsMax?: number;
  /** Redis may run out of disk and lives on: it syncs once a second, and a write beyond a file's bound is an error to it, not its end. */
  readonly diskMayFill?: boolean;
  readonly trimmedByHand?: boolean;
  /** What was settled before is not in the counters any more. */
  readonly countersLost?: boolean;
}

/** Of a daemon's environment: its own way to Redis. */
export const REDIS_OF_DAEMON = 'MILLRACE_TEST_REDIS';

/** Beside each other: what a function imports lies in its own project. */
export async function copyHandler(dir: string): Promise<void> {
  const own = await readFile(new URL('./handler.ts', import.meta.url), 'utf8');
  await writeFile(path.join(dir, 'handler.ts'), own.replace('../../support/', './'));
  for (const name of ['stage.ts', 'sums.ts'])
    await copyFile(new URL(`./${name}`, import.meta.url), path.join(dir, name));
  await copyFile(new URL('../../support/recorder-handler.ts', import.meta.url), path.join(dir, 'recorder-handler.ts'));
}

export function configOf(spec: LabSpec, redis: string, recorder: Recorder, { config }: LabSource): object {
  return {
    redis: `\${${REDIS_OF_DAEMON}:-${redis}}`,
    connections: { ...config.connections, ...spec.more?.connections },
    functions: {
      f: {
        ...{ code: 'handler.ts', handler: 'handler', timeout: spec.timeout ?? 20 },
        environment: { RECORDER: recorder.url, ...config.environment },
        network: { allow: [recorder.hostPort] },
      },
      ...spec.more?.functions,
    },
    mappings: {
      [MAPPING]: {
        ...{ function: 'f', startingPosition: 'TRIM_HORIZON', ...config.mapping },
        ...{ batchSize: spec.batchSize ?? 4, functionResponseTypes: ['ReportBatchItemFailures'] },
        ...spec.mapping,
      },
      ...spec.more?.mappings,
    },
  };
}
