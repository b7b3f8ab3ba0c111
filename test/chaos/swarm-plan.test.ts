/** What is typed, and what a seed draws. */
import { describe, expect, it } from 'vitest';
import { readArguments } from './swarm/arguments.ts';
import { FAULTS, faultNamed, faultsFor } from './swarm/catalogue.ts';
import { touchesOf } from './swarm/fault.ts';
import { makePlan, type Plan } from './swarm/plan.ts';
import { SWARM_WRONG_BUILDS } from './wrong-builds/swarm-builds.ts';

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1);
const planOf = (seed: number, faultsMs = 60_000): Plan =>
  makePlan({ seed, source: 'redis-stream', faultsMs, only: [] });

const told = (plan: Plan, steps = 30): unknown => ({
  layout: plan.layout,
  weights: [...plan.weights].map(([{ name }, weight]) => [name, weight]),
  steps: Array.from({ length: steps }, () => {
    const { faults, ...rest } = plan.steps.next().value;
    return { ...rest, faults: faults.map(({ name }) => name) };
  }),
});

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(told(planOf(7))).toEqual(told(planOf(7)));
    expect(told(planOf(7))).not.toEqual(told(planOf(8)));
  });

  it('draws each fault of the source under some seed, and never one of another source or one that has to be asked for', () => {
    const drawn = new Set(SEEDS.flatMap((seed) => [...planOf(seed).weights.keys()]));
    expect(drawn).toEqual(new Set(faultsFor('redis-stream').filter(({ onlyAsked }) => !onlyAsked)));
  });

  it('has as many as the time allows to do, each at least once and first', () => {
    for (const seed of SEEDS.slice(0, 50)) {
      const plan = planOf(seed, 15_000);
      const { size } = plan.weights;
      expect(size).toBeGreaterThanOrEqual(1);
      expect(size).toBeLessThanOrEqual(3);
      const first = Array.from({ length: size }, () => plan.steps.next().value.faults[0]);
      expect(new Set(first)).toEqual(new Set(plan.weights.keys()));
    }
  });

  it('never does two at once that work on the same thing, and does two at once', () => {
    let two = 0;
    for (const seed of SEEDS.slice(0, 50)) {
      const plan = planOf(seed);
      for (let n = 0; n < 40; n++) {
        const { faults } = plan.steps.next().value;
        if (faults.length === 1) continue;
        two++;
        const [one, other] = faults;
        expect(one).not.toBe(other);
        const [some, others] = [touchesOf(one!), touchesOf(other!)];
        expect([...some, ...others]).not.toContain('everything');
        expect(some.filter((thing) => others.includes(thing) && thing !== 'daemon')).toEqual([]);
      }
    }
    expect(two).toBeGreaterThan(100);
  });

  it('keeps apart what cannot be judged together', () => {
    const apart = FAULTS.filter(({ without }) => without);
    expect(apart.map(({ name }) => name)).toEqual(['trimmed', 'tail-cut', 'failed-over', 'state-lost']);
    for (const { without } of apart) for (const name of without!) expect(faultNamed(name)?.name).toBe(name);
    for (const seed of SEEDS) {
      const drawn = [...planOf(seed, 600_000).weights.keys()];
      for (const { without = [] } of drawn) expect(drawn.filter(({ name }) => without.includes(name))).toEqual([]);
    }
  });
});

describe('what is typed', () => {
  it.each([
    [['--seed', '0'], '--seed 0 is not a whole number above 0'],
    [['--seed', '1.5'], '--seed 1.5 is not a whole number above 0'],
    [['--minutes', 'soon'], '--minutes soon is not a number above 0'],
    [['--minutes', ''], '--minutes  is not a number above 0'],
    [['--source', 'kinesis'], '--source kinesis is none of redis-stream, kafka, mixed'],
    [['--fault', 'flood'], 'no fault is called flood; there are executor-killed, '],
    [['--fault', 'rebalanced'], 'rebalanced needs --source kafka'],
    [['--times', '2'], '--times goes with scenario files only'],
    [['--fault', 'zombie', 'r01'], '--fault does not go with scenario files (r01)'],
    [['--wrong-build', 'x'], 'no wrong build is called "x"; there are "'],
    [['--wrong-build', 'x', '--minutes', '2'], '--minutes does not go with --wrong-build'],
    [['soak', 'r01'], 'r01 does not go with soak'],
    [['soak', '--times', '2'], '--times does not go with soak'],
    [['soak', '--fault', 'stall'], '--fault does not go with soak'],
    [['--no-such'], "Unknown option '--no-such'"],
  ])('%j is answered with a sentence', (argv, sentence) => {
    expect(readArguments(argv)).toEqual({ kind: 'wrong', text: expect.stringContaining(sentence) as string });
  });

  it('takes names of faults, and names of files', () => {
    const asked = readArguments(['--seed', '3', '--minutes', '0.5', '--fault', 'zombie', '--fault', 'stall']);
    expect(asked).toMatchObject({ kind: 'swarm', seed: 3, seeds: 1, minutes: 0.5, source: 'redis-stream' });
    const files = readArguments(['--times', '5', 'r01', 'R05']);
    expect(files).toEqual({ kind: 'files', files: ['r01', 'R05'], seed: 1, minutes: 5, times: '5' });
  });

  it('takes a soak', () => {
    expect(readArguments(['soak'])).toEqual({ kind: 'soak', seed: 1, minutes: 60 });
    expect(readArguments(['soak', '--minutes', '2', '--seed', '3'])).toEqual({ kind: 'soak', seed: 3, minutes: 2 });
  });

  it('takes a wrong build', () => {
    const [build] = SWARM_WRONG_BUILDS;
    expect(readArguments(['--wrong-build', build!.name])).toEqual({ kind: 'wrong-build', build, seed: 1, seeds: 100 });
  });

  it('tells every fault in its help', () => {
    const { kind, text } = readArguments(['--help']) as { kind: string; text: string };
    expect(kind).toBe('help');
    for (const { name, says } of FAULTS) expect(text).toContain(`${name.padEnd(20)} ${says}`);
  });
});

describe('wrong builds', () => {
  it.each(SWARM_WRONG_BUILDS)('$name: names faults of its source', ({ source, faults }) => {
    const names = faultsFor(source).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...faults]));
  });
});
