/** What one seed draws: the mapping's rules, the function's habits, and how much comes how fast. */
import type { Random } from '../chaos/lab/random.ts';
import type { TurnSettings } from '../../src/turn/settings.ts';
import type { UnitPolicy } from '../../src/unit/types.ts';
import { MAPPING } from './history.ts';
import type { Needs } from './points.ts';

export interface Scenario {
  readonly settings: TurnSettings;
  readonly fails: number;
  readonly partial: number;
  readonly dies: number;
  readonly away: number;
  readonly slow: number;
  /** Of a record, that it is one that always fails. */
  readonly poisoned: number;
  readonly records: number;
  /** Virtual ms in which they come, and faults with them. */
  readonly stormMs: number;
  /** Stalls at any moment. */
  readonly freezes: number;
  /** Stalls at a call of a turn. */
  readonly stalls: number;
  readonly crashes: number;
}

const AGE_MS = 20_000;

export function drawScenario(random: Random, needs: Needs): Scenario {
  const drawn = random.pick([-1, 0, 1, 4]);
  const ages = random.pick<UnitPolicy['age']>([
    { kind: 'strict', ageMs: null },
    { kind: 'strict', ageMs: AGE_MS },
    { kind: 'default', ageMs: AGE_MS },
  ]);
  const [retries, age] = needs.expiry ? ([-1, { kind: 'strict', ageMs: AGE_MS }] as const) : [drawn, ages];
  const ends = retries >= 0 || age.ageMs !== null;
  const reports = random.chance(0.5);
  const stops = random.between(0, 3);
  const stalls = random.between(0, stops);
  const policy: UnitPolicy = {
    ...{ batchSize: random.pick([1, 3, 10]), maximumRetryAttempts: retries, age },
    ...{ bisectBatchOnFunctionError: random.chance(0.5), reportBatchItemFailures: reports },
  };
  return {
    settings: settingsOf(policy),
    fails: random.pick([0, 0.1, 0.3]),
    partial: random.pick([0, 0.3]),
    dies: random.pick([0, 0, 0.1]),
    away: random.pick([0, 0, 0.1]),
    slow: Math.max(random.pick([0, 0, 0.1]), needs.slow ? 0.3 : 0),
    // One that nothing ends would hold its shard for ever, as it should.
    poisoned: Math.max(ends ? random.pick([0, 0, 0.1]) : 0, needs.expiry ? 0.4 : 0),
    records: random.between(5, 25),
    stormMs: random.between(1_000, 15_000),
    ...{ freezes: stops - stalls, stalls },
    crashes: random.between(0, 2),
  };
}

export function settingsOf(policy: UnitPolicy): TurnSettings {
  const version = {
    ...{ name: 'f', hash: 'v', bundlePath: '', sourceMapPath: null, codeCachePath: null, exportPath: 'handler' },
    ...{ handlerText: 'f.handler', memorySizeMb: 128, timeoutMs: 7_000, environment: {}, networkAllow: [] },
    ...{ secrets: [], concurrencyPerProcess: 1 },
  };
  return {
    ...{ mapping: MAPPING, streamName: 's', arn: 'arn:s', spooled: false, eventFormat: 'kinesis', filter: null },
    ...{
      laneCount: 1,
      bootstrapServers: '',
      firstSeen: false,
      batchSize: policy.batchSize,
      windowMs: 0,
      tumblingMs: 0,
    },
    ...{ policy, failureStream: 'failed', failureBytesMax: 0, output: null, version, configHash: 'c' },
  };
}
