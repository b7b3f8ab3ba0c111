/** Runs of a wrong build under the faults that show it, until the checker rejects one. */
import type { Cluster } from '../../support/kafka/cluster.ts';
import type { SwarmBuild } from '../wrong-builds/swarm-builds.ts';
import { faultNamed } from './catalogue.ts';
import { runSwarm } from './run.ts';

const FAULTS_MS = 12_000;
/** It may never drain. */
const DRAIN_MS_MAX = 25_000;

/** The seed under which the checker rejected it; null when it rejected none of `seeds`. `say` is told of each run. */
export async function seedThatCaught(
  build: SwarmBuild,
  seeds: { readonly first: number; readonly count: number },
  cluster: Cluster | null,
  say: (text: string) => void,
): Promise<number | null> {
  const only = build.faults.map((name) => faultNamed(name)!);
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
    const spec = { seed, source: build.source, only, cluster, faultsMs: FAULTS_MS, drainMsMax: DRAIN_MS_MAX };
    const { checked, error } = await runSwarm({ ...spec, wrongBuild: build.name });
    const found = (checked?.violations ?? []).filter(({ message }) => build.says.test(message));
    const seen = new Set(checked?.violations.map(({ invariant }) => invariant));
    say(
      `seed ${seed}: ${error?.message ?? `${found[0]?.message ?? 'stood'} (all that was reported: ${[...seen].join(' ')})`}\n`,
    );
    if (found.some(({ invariant }) => build.breaks.includes(invariant))) return seed;
  }
  return null;
}
