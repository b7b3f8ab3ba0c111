/** R15: the ways of daemons to Redis are slow; as long as answers come in time no shard is taken from anybody, and nothing else is wrong either. */
import { expect, test } from 'vitest';
import { LOCK_MS } from '../../src/limits.ts';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { type Breakage, DOUBLED, DRIP_DOWN, DRIP_UP, slow } from './lab/network.ts';
import { breakNetwork, type Strike } from './lab/network-nemesis.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

/** Whatever fails is given up at once: what the network did must not count. */
const SPEC = { name: 'r15', seed: seedOf(115), shards: 8, batchSize: 10, mapping: { maximumRetryAttempts: 0 } };
const DAEMONS = 2;
/** Latencies; in each round one for each daemon, in one round of so many the longest that a daemon bears, for longer than a lock lives. */
const ROUNDS = 5;
const LATENCY_MS = [50, 2_000] as const;
const WHERE = ['up', 'down', 'both'] as const;

interface Round {
  readonly strikes: readonly Strike[];
  /** Connections that were given up for their silence. */
  readonly silences: number;
  /** Shards that a daemon took from the other. */
  readonly takeovers: number;
}

const silencesOf = ({ process }: LabDaemon): number =>
  process.lines.filter(({ err, error }) => /^Socket timeout/.test(String(err ?? error))).length;

async function takeovers(lab: Lab): Promise<number> {
  const counts = lab.daemons.map(async ({ process }) => {
    const { http } = await process.ready;
    const text = await (await fetch(`http://${String(http)}/metrics`)).text();
    return Number(/^millrace_takeovers_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
  });
  return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0);
}

/** Each daemon its own, at once. */
async function befall(lab: Lab, breakages: readonly Breakage[], lastsMs: number): Promise<Round> {
  const silent = (): number => lab.daemons.reduce((sum, daemon) => sum + silencesOf(daemon), 0);
  const [before, silentBefore] = [await takeovers(lab), silent()];
  lab.exact = false;
  const strikes = await Promise.all(
    breakages.map((breakage, index) => breakNetwork(lab, breakage, [lab.daemons[index]!], lastsMs)),
  );
  lab.exact = true;
  return { strikes, silences: silent() - silentBefore, takeovers: (await takeovers(lab)) - before };
}

test(`R15: ${ROUNDS * DAEMONS} latencies, drips and doubled connections`, { timeout: timesOf(1_800_000) }, () =>
  withLab(SPEC, async (lab) => {
    const { random } = lab;
    for (let i = 0; i < DAEMONS; i++) lab.startOver(await lab.link(), '--concurrency', '4');
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 20, work: [5, 30], failing: 0 });
    await pause(500);
    const late: Round[] = [];
    const dripped: Round[] = [];
    const doubled: Round[] = [];
    for (let round = 0; round < timesOf(ROUNDS); round++) {
      const longest = round % ROUNDS === 0;
      const [first, second] = [0, 1].map(() => slow(random.between(...LATENCY_MS), random.pick(WHERE)));
      const beside = longest ? slow(LATENCY_MS[1], 'both') : first!;
      const lastsMs = longest ? LOCK_MS + 1_500 : random.between(1_500, 4_000);
      late.push(await befall(lab, random.some([beside, second!], 2), lastsMs));
      await pause(random.between(100, 500));
    }
    // Last, because what these interrupt is taken over by whoever comes first, and that later.
    for (let round = 0; round < timesOf(1); round++) {
      dripped.push(await befall(lab, random.some([DRIP_UP, DRIP_DOWN], 2), random.between(1_500, 3_000)));
      doubled.push(await befall(lab, [DOUBLED, DOUBLED], random.between(500, 1_000)));
    }
    const checked = await lab.check({ silentFailures: true });
    const calm = late.filter(({ silences }) => silences === 0);
    const takeoversIn = (rounds: readonly Round[]): number => rounds.reduce((sum, one) => sum + one.takeovers, 0);
    report('R15', checked, {
      ...{ latencies: late.length * DAEMONS, 'in time': calm.length * DAEMONS },
      ...{ 'takeovers in time': takeoversIn(calm), 'takeovers in all': takeoversIn(late) },
      ...{ drips: dripped.length * DAEMONS, 'takeovers with drips': takeoversIn(dripped) },
      ...{ doubled: doubled.length * DAEMONS, 'takeovers with these': takeoversIn(doubled) },
    });
    mustBeClean(checked);
    expect(checked.reached.notices).toBe(0);
    for (const { strikes } of [...late, ...dripped, ...doubled])
      for (const { breakage, touched } of strikes) expect(touched, breakage).toBeGreaterThan(0);
    // A machine that is full adds to the latency, and then answers come too late.
    expect(calm.length).toBeGreaterThanOrEqual(late.length / 2);
    expect(takeoversIn(calm)).toBe(0);
    expect(lab.alive()).toHaveLength(DAEMONS);
  }),
);
