/** R4: daemons crash before and after each call of their ports; others go on, and nothing is lost, repeated without a reason or out of order. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as registry from '../../src/source/registry.ts';
import { planCrashes, readPoints } from './lab/crash-plan.ts';
import { Crashes } from './lab/crashes.ts';
import { type Lab, mustBeClean, withLab } from './lab/lab.ts';
import { makeShardedStreams, specTo, stagesTo, withOtherRedis } from './lab/other-redis.ts';
import { checkPipeline } from './lab/pipeline.ts';
import { POINT_EDITS } from './lab/point-edits.ts';
import { isKnown, NO_POINTS, POINTS } from './lab/points.ts';
import { report, seedOf, timesOf, wrongBuildAsked } from './lab/report.ts';
import { editText } from './wrong-builds/builds.ts';

const TIMES = 2;
/** For each of them, on a machine that is shared by many. */
const WITHIN_MS = 600_000;
/**
 * Until everything is settled after the last crash. How soon each shard moves is not judged here (faults.md: I1 to I6): the daemons that are left
 * have just begun, and have no child that is warm.
 */
const DRAIN_MS_MAX = 150_000;
const PRELOADS = [new URL('./lab/points-preload.ts', import.meta.url).href];
const root = fileURLToPath(new URL('../../', import.meta.url));

test('every script is a point or says why not, and no list names one that is gone', () => {
  const files = globSync('{src,connectors}/**/lua/*.lua', { cwd: root });
  const scripts = files.map((file) => `script ${path.basename(file).replace(/-[^-]+\.lua$/, '')}`);
  expect(scripts.filter((script) => !isKnown(script))).toEqual([]);
  const listed = [...Object.keys(POINTS), ...Object.values(NO_POINTS).flat()];
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed.filter((call) => call.startsWith('script ') && !scripts.includes(call))).toEqual([]);
});

test('every way to a connector passes the points', () => {
  const ways = Object.keys(registry).map((name) => `export function ${name}(`);
  const wrapped = POINT_EDITS.edits.filter(({ file }) => file === 'src/source/registry.ts').map(({ from }) => from);
  expect(ways.sort()).toEqual([...wrapped].sort());
  for (const { file } of POINT_EDITS.edits) editText(POINT_EDITS, file, readFileSync(path.join(root, file), 'utf8'));
});

async function callsIn({ dir }: Lab): Promise<string[]> {
  return (await readPoints(dir)).flatMap((line) => (line.kind === 'seen' ? [line.call] : []));
}

test('R4: a crash before and after each call of a port', { timeout: 7_200_000 }, () =>
  withOtherRedis((other) => {
    const spec = { name: 'r04', seed: seedOf(104), shards: 16, drainMsMax: DRAIN_MS_MAX, preloads: PRELOADS };
    return withLab({ ...spec, ...specTo(other), ...wrongBuildAsked() }, async (lab) => {
      await makeShardedStreams(lab, other);
      const times = timesOf(TIMES);
      const plan = await planCrashes(lab.dir, lab.random, times);
      const crashes = new Crashes(lab, plan, times * WITHIN_MS);
      await crashes.all();
      const checked = await lab.check({ liveness: { leaseMs: DRAIN_MS_MAX } });
      const { violations, records, archived } = await checkPipeline(lab, stagesTo(other));
      const figures = { records, archived, wrong: violations.length };
      report('R4', checked, { crashes: plan.length, 'turns cut off': crashes.hit, ...figures });
      expect([...new Set(await callsIn(lab))].filter((call) => !isKnown(call))).toEqual([]);
      mustBeClean(checked);
      expect(violations).toEqual([]);
    });
  }),
);
