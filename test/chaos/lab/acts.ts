/** Acts of an operator one after another, while daemons and Redis are killed beside them. */
import { type Lab, pause } from './lab.ts';
import { Operator, type Verb } from './operators.ts';
import { timesOf } from './report.ts';

export const VERBS: readonly Verb[] = ['pause', 'rewind', 'skip'];
const ROLES = ['poller', 'poller', 'executor', 'executor', 'executor'] as const;
/** A kill waits until so many of the role are ready: somebody is there to take over. */
const READY_MIN = 2;

export interface Acted {
  readonly operator: Operator;
  readonly kills: number;
  readonly redisKills: number;
}

export async function startRoles(lab: Lab): Promise<void> {
  for (const role of ROLES) lab.start('--role', role);
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
}

/** `rounds` in the test command. In each an act, and more often than not a kill while it is done. */
export async function actBesideKills(lab: Lab, rounds: number): Promise<Acted> {
  const operator = new Operator(lab);
  const many = timesOf(rounds);
  let [kills, redisKills] = [0, 0];
  for (let round = 0; round < many; round++) {
    await pause(lab.random.between(100, 600));
    const acting = operator.act(VERBS[round % VERBS.length]!, lab.random.pick(lab.shards));
    // Whatever became of the kill, its failure is the test's.
    acting.catch(() => undefined);
    if (round % 4 === 3) {
      await pause(lab.random.between(0, 300));
      await lab.restartRedis(lab.random.between(0, 1_000));
      redisKills++;
    } else if (lab.random.chance(0.8)) {
      await pause(lab.random.between(0, 1_000));
      const role = lab.random.chance(0.3) ? 'poller' : 'executor';
      await lab.kill(lab.random.pick(await lab.someReady(role, READY_MIN)));
      lab.start('--role', role);
      kills++;
    }
    await acting;
  }
  return { operator, kills, redisKills };
}

/** Without kills: what is wrong then is the act. */
export async function actAlone(lab: Lab, verb: Verb, rounds: number): Promise<void> {
  const operator = new Operator(lab);
  for (let round = 0; round < rounds; round++) {
    await pause(lab.random.between(50, 200));
    await operator.act(verb, lab.random.pick(lab.shards));
  }
}
