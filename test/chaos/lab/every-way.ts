/** Daemons with both roles, killed in every way: one after another, stopped and woken, all at once, and Redis with them. */
import { expect } from 'vitest';
import { type Lab, type LabDaemon, pause } from './lab.ts';
import { makeZombie } from './mixed.ts';
import { timesOf } from './report.ts';

const DAEMONS = 3;

export interface EveryWay {
  readonly kills: number;
  readonly zombies: number;
  readonly everything: number;
  readonly redis: number;
}

export function wordsOf({ kills, zombies, everything, redis }: EveryWay): string {
  return `${kills} daemons killed, ${zombies} stopped, everything ${everything} times, Redis ${redis} times`;
}

/** What is done in this run, where `standard` is done in the test command. */
export function timesOfAll({ kills, zombies, everything, redis }: EveryWay): EveryWay {
  return {
    ...{ kills: timesOf(kills), zombies: timesOf(zombies) },
    ...{ everything: timesOf(everything), redis: timesOf(redis) },
  };
}

function startOne(lab: Lab): LabDaemon {
  return lab.start('--concurrency', '6');
}

/** As many as are missing, and waits for them. */
export async function startAll(lab: Lab): Promise<void> {
  const started = Array.from({ length: DAEMONS - lab.alive().length }, () => startOne(lab));
  await Promise.all(started.map((daemon) => daemon.process.ready));
}

/** `fromMs`, `toMs`: how long before each. `pick`: which one; whichever it is otherwise. */
export async function killSome(
  lab: Lab,
  kills: number,
  [fromMs, toMs]: readonly [number, number],
  pick = (ready: readonly LabDaemon[]): Promise<LabDaemon> => Promise.resolve(lab.random.pick(ready)),
): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await pause(lab.random.between(fromMs, toMs));
    await lab.kill(await pick(await lab.someReady(null, 1)));
    startOne(lab);
  }
}

/** What comes after the kills. */
export async function killTheRest(lab: Lab, { zombies, everything, redis }: EveryWay): Promise<void> {
  for (let zombie = 0; zombie < zombies; zombie++) await makeZombie(lab, lab.random.pick(await lab.someReady(null, 1)));
  for (let time = 0; time < everything; time++) {
    await pause(lab.random.between(300, 2_000));
    await lab.killEverything();
    await startAll(lab);
  }
  for (let time = 0; time < redis; time++) {
    await pause(lab.random.between(500, 2_000));
    await lab.restartRedis(lab.random.between(0, 1_000));
  }
}

/** Fails unless a run of the wrong build shows one of the kinds that it breaks. `kindsIn`: what was wrong in run `run`. */
export async function mustBeCaught(
  build: { readonly name: string; readonly breaks: readonly string[] },
  runsMax: number,
  kindsIn: (run: number) => Promise<readonly string[]>,
): Promise<void> {
  for (let run = 0; run < runsMax; run++) {
    const seen = new Set(await kindsIn(run));
    if (build.breaks.every((kind) => !seen.has(kind))) continue;
    process.stdout.write(`wrong build: ${build.name}, run ${run + 1}, seen ${[...seen].join(' ')}\n`);
    return;
  }
  expect.unreachable(`not caught within ${runsMax} runs`);
}
