/** A short run in which everything happens once or twice: failing records, partial responses, kills, a zombie. */
import { eventually } from '../../support/daemon.ts';
import { type Lab, type LabDaemon, pause } from './lab.ts';
import { killSandboxes } from './sandboxes.ts';

const TAKEN_OVER_MS_MAX = 20_000;
const SANDBOXES = 2;

/** Stops it in the middle of its work and lets it go on when all of its shards have another owner. */
export async function makeZombie(lab: Lab, daemon: LabDaemon): Promise<void> {
  const id = await lab.beginFault('SIGSTOP');
  daemon.process.kill('SIGSTOP');
  // What it had sent by then still takes effect.
  await pause(50);
  const hit = await lab.ownedBy(daemon);
  const gone = (owned: readonly string[]): boolean => owned.length === 0;
  const what = `others took ${hit.join(' ')} over`;
  await eventually(() => lab.ownedBy(daemon), gone, { withinMs: TAKEN_OVER_MS_MAX, everyMs: 100, what });
  await pause(lab.random.between(0, 1_000));
  daemon.process.kill('SIGCONT');
  await lab.healFault(id, 'SIGSTOP', hit);
}

export async function runMixed(lab: Lab, withZombie: boolean): Promise<void> {
  for (let i = 0; i < 3; i++) lab.start('--concurrency', '8');
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
  lab.producer.start({ perSecond: 40, work: [20, 60], failing: 0.04 });
  await pause(1_500);
  const [killed, frozen, poor] = lab.random.some(lab.ready(), 3) as [LabDaemon, LabDaemon, LabDaemon];
  await killSandboxes(lab, poor, SANDBOXES);
  await pause(lab.random.between(200, 600));
  await lab.kill(killed);
  if (withZombie) await makeZombie(lab, frozen);
  await killSandboxes(lab, poor, SANDBOXES);
  await pause(500);
}
