/** Longer runs of the fault tests, by hand: a swarm of faults under seeds (swarm/), or the scenario files again and again. `--help` tells. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withCluster } from '../support/kafka/cluster.ts';
import { runSoak } from './soak/run.ts';
import { verdictOf as soakVerdictOf } from './soak/verdict.ts';
import { type Asked, readArguments, type SwarmAsked } from './swarm/arguments.ts';
import type { SourceKind } from './swarm/fault.ts';
import { isClean, runSwarm } from './swarm/run.ts';
import { verdictOf } from './swarm/verdict.ts';
import { seedThatCaught } from './swarm/wrong-build.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The exit code. */
async function answer(asked: Asked): Promise<number> {
  if (asked.kind === 'swarm') return await runSeeds(asked);
  if (asked.kind === 'wrong-build') return await runWrongBuild(asked);
  if (asked.kind === 'soak') return await soak(asked);
  if (asked.kind === 'files') return runFiles(asked);
  (asked.kind === 'help' ? process.stdout : process.stderr).write(`${asked.text}\n`);
  return asked.kind === 'help' ? 0 : 2;
}

async function runWrongBuild({ build, seed, seeds }: Extract<Asked, { kind: 'wrong-build' }>): Promise<number> {
  const say = (text: string): void => void process.stdout.write(text);
  const caught = await (build.source === 'kafka'
    ? withCluster(1, (cluster) => seedThatCaught(build, { first: seed, count: seeds }, cluster, say))
    : seedThatCaught(build, { first: seed, count: seeds }, null, say));
  say(caught === null ? `not rejected within ${seeds} seeds\n` : `rejected with seed ${caught}\n`);
  return caught === null ? 1 : 0;
}

async function runSeeds(asked: SwarmAsked): Promise<number> {
  const interrupted = hearInterrupt();
  for (let seed = asked.seed; seed < asked.seed + asked.seeds && !interrupted(); seed++) {
    if (!(await runSeed(asked, seed, interrupted))) return 1;
  }
  return interrupted() ? 130 : 0;
}

/** From now on the first one is asked for, and a second one ends the process. */
function hearInterrupt(): () => boolean {
  let heard = false;
  process.once('SIGINT', () => (heard = true));
  return () => heard;
}

async function runSeed(asked: SwarmAsked, seed: number, stopped: () => boolean): Promise<boolean> {
  const source: SourceKind = asked.source !== 'mixed' ? asked.source : seed % 2 === 1 ? 'redis-stream' : 'kafka';
  const spec = { seed, source, faultsMs: asked.minutes * 60_000, only: asked.only, resources: true, stopped };
  const run = await (source === 'kafka'
    ? withCluster(1, (cluster) => runSwarm({ ...spec, cluster }))
    : runSwarm({ ...spec, cluster: null }));
  const only = asked.only.map(({ name }) => ` --fault ${name}`).join('');
  process.stdout.write(
    verdictOf(run, `npm run chaos -- --seed ${seed} --minutes ${asked.minutes} --source ${source}${only}`),
  );
  return isClean(run);
}

async function soak({ seed, minutes }: Extract<Asked, { kind: 'soak' }>): Promise<number> {
  const run = await runSoak({ seed, minutes, stopped: hearInterrupt() });
  process.stdout.write(soakVerdictOf(run, `npm run chaos -- soak --seed ${seed} --minutes ${minutes}`));
  return isClean(run) ? 0 : 1;
}

function runFiles({ files, seed: first, minutes, times }: Extract<Asked, { kind: 'files' }>): number {
  const until = performance.now() + minutes * 60_000;
  for (let seed = first; performance.now() < until; seed++) {
    process.stdout.write(`seed ${seed}\n`);
    const env = { ...process.env, MILLRACE_CHAOS_SEED: String(seed), MILLRACE_CHAOS_TIMES: times };
    const paths = files.map((file) => `test/chaos/${file.toLowerCase()}`);
    // One after the other: faults are not to measure each other.
    const args = [path.join(root, 'scripts', 'test.mjs'), ...paths, '--no-file-parallelism', '--testTimeout=7200000'];
    if (spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status === 0) continue;
    process.stdout.write(
      `failed with seed ${seed}: repeat it with --seed ${seed} --minutes 0.001 ${files.join(' ')}\n`,
    );
    return 1;
  }
  return 0;
}

process.exitCode = await answer(readArguments(process.argv.slice(2)));
