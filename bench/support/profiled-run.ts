/** A measured stretch of a daemon that writes a CPU profile of V8. */
import { SHARDS, STREAM, type RedisPlace } from '../matrix/redis-place.ts';
import type { Terms } from '../matrix/types.ts';
import { type Profile, readProfile } from './cpu-profile.ts';
import { startMillrace } from './daemon.ts';
import { handlerText, type Kind } from './kinds.ts';
import { mappingOf } from './lab.ts';
import { descendants } from './processes.ts';
import { measureStretch, type Sample } from './stretch.ts';
import { workFunction } from './work.ts';

export interface ProfiledRun {
  readonly kind: Kind;
  readonly batch: number;
  readonly mapping: string;
  /** Where Node writes profiles. */
  readonly dir: string;
}

export interface Profiled {
  readonly sample: Sample;
  /** Of the daemon, start and end included. */
  readonly profile: Profile;
}

/** `beside` is called when it is warm, with the processes that take part. */
export async function profiledRun(
  { lab }: RedisPlace,
  terms: Terms,
  { kind, batch, mapping, dir }: ProfiledRun,
  beside: (pids: Readonly<Record<string, readonly number[]>>) => void = () => undefined,
): Promise<Profiled> {
  const mappings = { [mapping]: mappingOf(STREAM['200-byte JSON'], batch) };
  const functions = { f: workFunction(terms.work) };
  const config = lab.configure(handlerText(kind, terms.work, 'kinesis'), mappings, { functions });
  const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${dir}` };
  const daemon = await startMillrace(config, [], { env });
  const look = async () => {
    const done = await lab.succeeded(mapping, SHARDS);
    return { done, over: done >= terms.perShard * SHARDS };
  };
  let asked = false;
  const pids = () => {
    const all = { redis: [lab.server.pid], daemon: [daemon.pid], children: descendants(daemon.pid) };
    if (!asked) beside(all);
    asked = true;
    return all;
  };
  const sample = await measureStretch(look, pids, terms.seconds);
  daemon.kill('SIGTERM');
  await daemon.stop();
  return { sample, profile: readProfile(dir, daemon.pid) };
}
