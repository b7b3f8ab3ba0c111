/** R24: a function deployed anew while its batches run, two versions live: each attempt is one whole version, which effect and notice name. */
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { eventually } from '../support/daemon.ts';
import { deploy, prepareDeploys, type VersionLine, versionsOf } from './lab/deploys.ts';
import { type Checked, type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { everyDay, report, seedOf, timesOf } from './lab/report.ts';
import { DEPLOY_WRONG_BUILDS } from './wrong-builds/deploy-builds.ts';

const DEPLOYS = 10;
const GRACE_MS = 10_000;
const RUNS_MAX = 10;

interface Fleet {
  /** Version → hash. */
  readonly hashes: Map<string, string>;
  /** The oldest first. */
  readonly live: LabDaemon[];
  /** Of those that were told to end. */
  readonly codes: Promise<number | null>[];
}

/** Of the version that a daemon has which has just started: it is the mapping's from then on. */
async function hashNow(lab: Lab): Promise<string> {
  const { mappings } = await collectStatus(lab.redis, lab.keys);
  return mappings[0]!.functionVersion;
}

/** One old daemon goes while its batches run, and another one goes on beside the new. Resolves when that has begun. */
async function redeploy(lab: Lab, version: string, fleet: Fleet): Promise<void> {
  await deploy(lab, version);
  const fresh = lab.start('--concurrency', '4');
  await fresh.process.ready;
  const known = new Set(fleet.hashes.values());
  const isNew = (hash: string): boolean => !known.has(hash);
  fleet.hashes.set(version, await eventually(() => hashNow(lab), isNew, { what: 'another hash' }));
  await pause(lab.random.between(200, 500));
  fleet.live.push(fresh);
  fleet.codes.push(lab.terminate(fleet.live.shift()!));
}

/** Attempt → what it said. */
function attemptsOf(lines: readonly VersionLine[]): Map<string, VersionLine[]> {
  const attempts = new Map<string, VersionLine[]>();
  for (const line of lines) {
    const key = `${line.shard} ${line.requestId} ${line.attempt}`;
    attempts.set(key, [...(attempts.get(key) ?? []), line]);
  }
  return attempts;
}

/** Attempts that ended when a newer version had begun somewhere: the two were live at once. */
function overlapsOf(lines: readonly VersionLine[]): number {
  let newest = 0;
  let overlaps = 0;
  for (const { version, end } of lines) {
    const number = Number(version.slice(1));
    if (end === 'end' && number < newest) overlaps++;
    newest = Math.max(number, newest);
  }
  return overlaps;
}

/** A notice has the hash of the version whose words its error are: those that do not. */
function wrongNotices({ end }: Checked, hashes: ReadonlyMap<string, string>): object[] {
  return end.notices.flatMap(({ notice }) => {
    const { functionVersion, error } = notice as unknown as {
      functionVersion: string;
      error: { errorMessage: string };
    };
    const { errorMessage } = error;
    const isRight = functionVersion === hashes.get(/^v\d+/.exec(errorMessage)?.[0] ?? '');
    return isRight ? [] : [{ functionVersion, errorMessage }];
  });
}

interface Redeployed {
  readonly checked: Checked;
  readonly hashes: ReadonlyMap<string, string>;
  readonly codes: readonly (number | null)[];
  readonly lines: readonly VersionLine[];
}

interface DeploysSpec {
  readonly seed: number;
  readonly deploys: number;
  readonly wrongBuild?: string;
}

/** `judge`: while the history is there to be kept. */
function withDeploys<T>({ deploys, ...spec }: DeploysSpec, judge: (run: Redeployed) => T): Promise<T> {
  const mapping = { maximumRetryAttempts: 1 };
  return withLab({ name: 'r24', shards: 8, mapping, ...spec }, async (lab) => {
    await prepareDeploys(lab);
    await deploy(lab, 'v0');
    const live = [lab.start('--concurrency', '4'), lab.start('--concurrency', '4')];
    await Promise.all(live.map((daemon) => daemon.process.ready));
    const hashes = new Map([['v0', await hashNow(lab)]]);
    const fleet: Fleet = { hashes, live, codes: [] };
    lab.producer.start({ perSecond: 15, work: [20, 120], failing: 0.05, poisoned: 0.02 });
    for (let n = 1; n <= deploys; n++) await redeploy(lab, `v${n}`, fleet);
    const codes = await Promise.all(fleet.codes);
    const checked = await lab.check({ shutdown: { graceMs: GRACE_MS } });
    return judge({ checked, hashes, codes, lines: await versionsOf(lab) });
  });
}

test(`R24: ${DEPLOYS} deployments while batches run`, { timeout: timesOf(900_000) }, () => {
  const deploys = timesOf(DEPLOYS);
  return withDeploys({ seed: seedOf(124), deploys }, ({ checked, hashes, codes, lines }) => {
    const attempts = attemptsOf(lines);
    const overlaps = overlapsOf(lines);
    const whole = {
      'versions with attempts': new Set(lines.map(({ version }) => version)).size,
      'of a version while a newer one ran': overlaps,
    };
    report('R24', checked, { deploys, ...whole, 'attempts that said their version': attempts.size });
    mustBeClean(checked);
    expect(codes).toEqual(codes.map(() => 0));
    expect(wrongNotices(checked, hashes)).toEqual([]);
    for (const [key, said] of attempts) {
      expect([key, said.map(({ end }) => end)]).toEqual([key, ['begin', 'end']]);
      expect([key, said[1]!.version]).toEqual([key, said[0]!.version]);
    }
    expect(hashes.size).toBe(deploys + 1);
    expect(attempts.size).toBe(checked.reached.attempts);
    expect(checked.reached.repeats).toBe(0);
    // That it mattered: most versions ran, two at once now and then, and some left notices.
    expect(whole['versions with attempts']).toBeGreaterThan(deploys / 2);
    expect(overlaps).toBeGreaterThan(0);
    expect(checked.end.notices.length).toBeGreaterThan(0);
  });
});

test.each(everyDay(DEPLOY_WRONG_BUILDS))('this test rejects: $name', { timeout: 900_000 }, async ({ name }) => {
  for (let run = 1; run <= RUNS_MAX; run++) {
    const spec = { seed: seedOf(124) + run - 1, deploys: DEPLOYS, wrongBuild: name };
    const rejected = await withDeploys(spec, ({ checked, hashes }) => {
      const wrong = wrongNotices(checked, hashes).length;
      report(`wrong build: ${name}`, checked, { run, notices: checked.end.notices.length, 'of these wrong': wrong });
      return wrong > 0;
    });
    if (rejected) return;
  }
  throw new Error(`it stood ${RUNS_MAX} runs`);
});
