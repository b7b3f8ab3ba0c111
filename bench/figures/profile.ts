/** (profile) What each stage of a record's way costs: the executor's own CPU by stage from a profile of V8, the children's and Redis' from the system. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openRedisPlace, SHARDS } from '../matrix/redis-place.ts';
import { STAGES, stagesOf } from '../support/cpu-profile.ts';
import { type Kind, KINDS } from '../support/kinds.ts';
import type { Options } from '../support/options.ts';
import { profiledRun } from '../support/profiled-run.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import type { Sample } from '../support/stretch.ts';
import { openWork } from '../support/work.ts';

const MULTIPLE = 3;
const UNIT = 'CPU s per million';

interface Lap {
  readonly sample: Sample;
  /** CPU seconds per million records, by stage. */
  readonly stages: Readonly<Record<string, number>>;
}

export async function profile(options: Options): Promise<Figure> {
  const before = load();
  const work = await openWork();
  const terms = { seconds: options.seconds, perShard: options.records * MULTIPLE, work: work.options };
  const place = await openRedisPlace(terms);
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-profile-'));
  const rows: Row[] = [];
  // Where none is named all are asked for: too many bars to say anything.
  const kinds: readonly Kind[] = options.kinds.length === KINDS.length ? ['parse'] : (options.kinds as Kind[]);
  for (const [kind, batch] of kinds.flatMap((one) => options.batches.map((size) => [one, size] as const))) {
    const name = `${kind}, batch ${batch}`;
    const laps: Lap[] = [];
    for (let n = 0; n < options.repeats; n++) {
      laps.push(await lap(kind, batch, `m-${kind}-${batch}-${n}`));
      options.progress(`${name}: ${laps.at(-1)!.sample.recordsPerSecond}/s`);
    }
    rows.push({
      ...{ name: `${name}: rate while profiled`, unit: 'records/s' },
      values: laps.map(({ sample }) => sample.recordsPerSecond),
    });
    for (const stage of Object.keys(laps[0]!.stages)) {
      const values = laps.map(({ stages }) => stages[stage]!);
      rows.push({ name: `${name}: ${stage}`, unit: UNIT, values, digits: 3 });
    }
  }
  await place.lab.close();
  await work.close();
  rmSync(dir, { recursive: true, force: true });
  return {
    id: 'profile',
    title: `what each stage costs: ${SHARDS} shards, 200-byte JSON`,
    rows,
    notes: [
      'by the innermost frame of a room: wire (commands to Redis and replies, of reads and settles), read (batches), encode (records → event), cross (to the children and back), decide (what becomes of the batch), settle (and take, release, their replies), queue (turns and watching), garbage (V8’s collector)',
      'run is the children’s CPU, crossing on their side included; redis that of the server',
      'a profile makes everything somewhat slower: for shares, not for rates',
    ],
    load: [before, load()],
    graph: { unit: UNIT, logarithmic: false },
  };

  async function lap(kind: Kind, batch: number, mapping: string): Promise<Lap> {
    const { sample, profile: found } = await profiledRun(place, terms, { kind, batch, mapping, dir });
    const us = stagesOf(found, sample.seconds * 1e6);
    const all = STAGES.reduce((sum, stage) => sum + us[stage], 0);
    // The profile's shares of what the system says that the process has used.
    const stages = Object.fromEntries(STAGES.map((stage) => [stage, (us[stage] / all) * sample.cpu.daemon!]));
    return { sample, stages: { ...stages, run: sample.cpu.children!, redis: sample.cpu.redis! } };
  }
}
