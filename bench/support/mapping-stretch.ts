/** A measured stretch of one mapping on one daemon. */
import { runMillrace, startMillrace } from './daemon.ts';
import { type Lab, mappingOf, sleep } from './lab.ts';
import { descendants } from './processes.ts';
import { measureStretch, type Sample } from './stretch.ts';

export interface MappingRun {
  readonly mapping: string;
  readonly stream: string;
  /** Those that are counted. */
  readonly shards: number;
  /** Records in them. */
  readonly total: number;
}

/** What else the daemon serves, on functions of its own. */
export interface Neighbour {
  readonly functions: Readonly<Record<string, object>>;
  readonly mappings: Readonly<Record<string, object>>;
  /** So long it runs alone before: the measured mapping is paused until then. */
  readonly aheadMs: number;
}

export async function mappingStretch(
  lab: Lab,
  run: MappingRun,
  handler: string,
  seconds: number,
  batch = 100,
  beside: Neighbour | null = null,
): Promise<Sample> {
  const { mapping, stream, shards, total } = run;
  const mappings = { [mapping]: mappingOf(stream, batch), ...beside?.mappings };
  const config = lab.configure(handler, mappings, { functions: beside?.functions ?? {} });
  const daemon = await startMillrace(config);
  if (beside && beside.aheadMs > 0) {
    await runMillrace('mapping', 'pause', mapping, '-c', config);
    await sleep(beside.aheadMs);
    await runMillrace('mapping', 'resume', mapping, '-c', config);
  }
  const look = async () => {
    const done = await lab.succeeded(mapping, shards);
    return { done, over: done >= total };
  };
  const pids = () => ({ redis: [lab.server.pid], daemon: [daemon.pid], children: descendants(daemon.pid) });
  const sample = await measureStretch(look, pids, seconds);
  await daemon.stop();
  return sample;
}
