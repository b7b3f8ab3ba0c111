/** (flame) Where the CPU time of a record goes, frame by frame, in all processes: the daemon as V8 samples it, children and Redis as perf does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openRedisPlace, SHARDS } from '../matrix/redis-place.ts';
import { foldedLines, scaled, type Stacks, stacksOf } from '../support/folded-stacks.ts';
import type { Kind } from '../support/kinds.ts';
import type { Options } from '../support/options.ts';
import { perfSamples, stacksOfSamples } from '../support/perf.ts';
import { profiledRun } from '../support/profiled-run.ts';
import { type Figure, load } from '../support/report.ts';
import { openWork } from '../support/work.ts';

const MULTIPLE = 3;
/** What is less of all than this is not drawn. */
const LEAST_SHARE = 0.003;

export async function flame(options: Options): Promise<Figure> {
  const before = load();
  const [kind, batch] = [options.kinds[0] as Kind, options.batches[0]!];
  const work = await openWork();
  const terms = { seconds: options.seconds, perShard: options.records * MULTIPLE, work: work.options };
  const place = await openRedisPlace(terms);
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-flame-'));
  let sampling: ReturnType<typeof perfSamples> | undefined;
  let native: Readonly<Record<string, readonly number[]>> = {};
  const { sample, profile } = await profiledRun(place, terms, { kind, batch, mapping: 'm', dir }, (pids) => {
    native = { children: pids['children']!, redis: pids['redis']! };
    sampling = perfSamples(Object.values(native).flat(), options.seconds, dir);
    // Looked at below; until then it is nobody's.
    sampling.catch(() => undefined);
  });
  const notes: string[] = [];
  const all = new Map<string, number>(
    scaled(stacksOf(profile, sample.seconds * 1e6), 'daemon [process]', sample.cpu['daemon']!),
  );
  const add = (stacks: Stacks) => stacks.forEach((weight, stack) => all.set(stack, weight));
  try {
    const samples = (await sampling) ?? [];
    for (const [name, pids] of Object.entries(native)) {
      const own = samples.filter(({ pid }) => pids.includes(pid));
      add(scaled(stacksOfSamples(own), `${name} [process]`, sample.cpu[name]!));
    }
  } catch (error) {
    notes.push(`children and Redis are one frame each: ${(error as Error).message.split('\n')[0]!}`);
    for (const name of Object.keys(native)) add(new Map([[`${name} [process]`, sample.cpu[name]!]]));
  }
  await place.lab.close();
  await work.close();
  rmSync(dir, { recursive: true, force: true });
  return {
    id: 'flame',
    title: `CPU µs per record by frame: ${kind}, batch ${batch}, ${SHARDS} shards, 200-byte JSON`,
    rows: [
      { name: 'rate while profiled', unit: 'records/s', values: [sample.recordsPerSecond] },
      ...Object.entries(sample.cpu).map(([name, us]) => ({ name, unit: 'CPU µs per record', values: [us] })),
    ],
    notes: [
      `what is less than ${LEAST_SHARE * 100} % counts for the frame below it; frames of a library in a row are one, frames of Millrace each their own`,
      'the daemon’s JavaScript from a profile of V8 (--cpu-prof); children and Redis from perf, whose unnamed frames in a child are compiled JavaScript, of the handler and of the isolate’s own scripts',
      'bench/results has the stacks folded, as other viewers of flame graphs read them',
      ...notes,
    ],
    load: [before, load()],
    stacks: foldedLines(all, LEAST_SHARE),
  };
}
