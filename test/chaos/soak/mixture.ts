/** The mild mixture of a soak: one fault of the swarm at a time, with time to breathe in between; one daemon outlives them all. */
import { type LabDaemon, pause } from '../lab/lab.ts';
import { Random } from '../lab/random.ts';
import { faultNamed } from '../swarm/catalogue.ts';
import type { Daemons } from '../swarm/daemons.ts';
import type { Fault } from '../swarm/fault.ts';
import type { Plan, Step } from '../swarm/plan.ts';
import { hasTurn } from '../swarm/daemon-faults.ts';

export const CONCURRENCY = 6;
export const LAYOUT = Array.from({ length: 3 }, () => ['--concurrency', String(CONCURRENCY)] as const);
const PAUSE_MS = [20_000, 40_000] as const;
/** They end nobody, so the one that outlives the others has them, too. */
const SURVIVABLE = ['stall', 'cut', 'half-open', 'redis-killed'];
/** Between two of a rolling restart. */
const ROLL_MS = 1_000;

const killed = faultNamed('executor-killed')!;

/** `mortals`: those that may be ended. */
export function mixtureOf(seed: number, faultsMs: number, mortals: Daemons, survivor: LabDaemon): Plan {
  const amongMortals: Fault = { ...killed, strike: (world) => killed.strike({ ...world, daemons: mortals }) };
  const faults = [amongMortals, rolledBut(survivor), ...SURVIVABLE.map((name) => faultNamed(name)!)];
  return {
    spec: { seed, source: 'redis-stream', faultsMs, only: faults },
    layout: LAYOUT,
    weights: new Map(faults.map((fault) => [fault, 1])),
    steps: stepsOf(new Random(seed), faults),
  };
}

/** All of them in random order, again and again, so that an hour has as many of each. */
function* stepsOf(random: Random, faults: readonly Fault[]): Generator<Step, never> {
  for (;;) {
    for (const fault of random.some(faults, faults.length))
      yield { faults: [fault], pauseMs: random.between(...PAUSE_MS), seed: random.between(0, 2 ** 31) };
  }
}

const rolledBut = (survivor: LabDaemon): Fault => ({
  name: 'rolled',
  says: 'SIGTERM to one daemon after another, each when its successor is ready; one had a shard in hand',
  touches: 'daemon',
  strike: async ({ lab, daemons }) => {
    let had = false;
    for (const daemon of lab.ready().filter((one) => one !== survivor)) {
      await daemons.replace(daemon).process.ready;
      had = (await hasTurn(lab)(daemon)) || had;
      await lab.terminate(daemon);
      await pause(ROLL_MS);
    }
    return had;
  },
});
