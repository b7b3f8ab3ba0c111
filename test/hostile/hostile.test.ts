/**
 * Every hostile case, in a process of its own that holds a sandbox with a victim beside it (arena.ts). What is asserted of each run is in judge.ts,
 * what of the process in health.ts. `npm run test:hostile` runs the same by hand: more often, on every supported Node, or at random for hours.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type ArenaRuns, runArena } from './arena-runs.ts';
import { CASES } from './corpus.ts';
import { unwell } from './health.ts';

const REPEAT = 1;
let arena: ArenaRuns;

beforeAll(async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  arena = await runArena(process.execPath, { repeat: REPEAT, only: null, concurrency: 4, seed, mixMinutes: null });
}, 900_000);

test('names are unique', () => expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length));

describe('every case, beside a victim:', () => {
  test.each(CASES.map(({ number, name }) => [number ?? '–', name] as const))('%s %s', (_number, name) => {
    const runs = arena.runs.filter((run) => run.name === name);
    expect(runs).toHaveLength(REPEAT);
    expect(runs.flatMap(({ complaints }) => complaints)).toEqual([]);
  });
});

test('the process that held them is as it was, and its victim undisturbed', () => {
  expect(unwell(arena.health, REPEAT)).toEqual([]);
});
