/** Test the test, on the real engine: a run that it stands is one that wrong builds of it do not (faults.md 5.1). */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Checked, mustBeClean, withLab } from './lab/lab.ts';
import { runMixed } from './lab/mixed.ts';
import { everyDay, report, seedOf } from './lab/report.ts';
import { ALL_WRONG_BUILDS } from './wrong-builds/all-builds.ts';
import { editText, WRONG_BUILDS, type WrongBuild } from './wrong-builds/builds.ts';

/** faults.md asks for a rejection within 100; each is a draw of faults and moments, and on a busy machine the sampler looks less often. */
const RUNS_MAX = 10;
/** A wrong build may never drain. */
const WRONG_DRAIN_MS_MAX = 15_000;
const SPEC = { shards: 8 };

const rootFile = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

describe('each wrong build', () => {
  test('is listed under a name of its own, and edits text', async () => {
    const folder = rootFile('test/chaos/wrong-builds');
    const files = readdirSync(folder).filter((name) => name.endsWith('builds.ts') && name !== 'all-builds.ts');
    const lists = await Promise.all(
      files.map((name) => import(pathToFileURL(path.join(folder, name)).href) as Promise<object>),
    );
    const builds = lists.flatMap((list) => Object.values(list).filter(Array.isArray).flat()) as WrongBuild[];
    const names = (of: readonly WrongBuild[]) => of.map(({ name }) => name).sort();
    expect(names(ALL_WRONG_BUILDS)).toEqual(names(builds));
    expect(new Set(names(builds)).size).toBe(builds.length);
  });

  test.each(ALL_WRONG_BUILDS)('$name: edits text that the engine has', (build) => {
    for (const { file } of build.edits) {
      const text = readFileSync(rootFile(file), 'utf8');
      expect(editText(build, file, text)).not.toBe(text);
    }
  });
});

/** What was merely not done in time was not lost. */
function proves(invariant: string, { drained }: Checked): boolean {
  return drained || (invariant !== 'I1' && invariant !== 'I8');
}

function runWrong(build: WrongBuild, seed: number): Promise<Checked> {
  const name = `wrong ${WRONG_BUILDS.indexOf(build)}`;
  const spec = { ...SPEC, name, seed, wrongBuild: build.name, drainMsMax: WRONG_DRAIN_MS_MAX };
  return withLab(spec, async (lab) => {
    await runMixed(lab, build.needsZombie ?? false);
    return await lab.check();
  });
}

test('the right build stands the run', { timeout: 300_000 }, () =>
  withLab({ ...SPEC, name: 'mixed', seed: seedOf(126) }, async (lab) => {
    await runMixed(lab, true);
    const checked = await lab.check();
    report('mixed', checked);
    mustBeClean(checked);
  }),
);

describe('the checker rejects', () => {
  test.each(everyDay(WRONG_BUILDS, 'ack before run', 'no fencing'))('$name', { timeout: 300_000 }, async (build) => {
    const seen = new Set<string>();
    for (let run = 0; run < RUNS_MAX; run++) {
      const checked = await runWrong(build, seedOf(126) + run);
      for (const { invariant } of checked.violations) if (proves(invariant, checked)) seen.add(invariant);
      if (!build.breaks.some((invariant) => seen.has(invariant))) continue;
      report(`wrong build: ${build.name}`, checked, { run: run + 1, seen: [...seen].sort().join(' ') });
      return;
    }
    expect([...seen], 'invariants that were reported').toEqual(expect.arrayContaining([...build.breaks]));
  });
});
