/** Faults after which Redis has no more what it had acknowledged: its last writes, or keys that somebody removed. */
import { eventually } from '../../support/daemon.ts';
import { said } from '../lab/going-on.ts';
import { type Lab, pause } from '../lab/lab.ts';
import { beginCutting, bytesToCut, startReplica, tellLosses } from '../lab/lossy.ts';
import { loseGroups, loseQueue, loseState } from '../lab/lost-keys.ts';
import { anyTurn, type Fault, type World } from './fault.ts';

/** What is written in so long may be lost; what was there before stays, so that acts of operators that have ended do. */
const WRITTEN_MS = [500, 2_000] as const;
const LOST_MS = [200, 1_500] as const;
/** Beside a strike on a daemon: its shard is taken over after two locks, and another strike may have come by then. */
const AGAIN_MS_MAX = 60_000;
/** The sweep comes to every shard within 10 s. */
const TOLD_MS_MAX = 20_000;

/** A stream is gone with what it had taken; a topic lost nothing, so all of it has to be settled. */
async function tellStreamLosses({ lab, cluster }: Omit<World, 'random'>): Promise<void> {
  if (cluster === null) await tellLosses(lab);
}

const tailCut: Fault = {
  name: 'tail-cut',
  says: 'SIGKILL to Redis, and a start on its file without the last 1 B to 1 MB; something was cut, and somebody had a turn',
  touches: ['redis', 'shard'],
  // What was trimmed by hand would be told as lost.
  without: ['trimmed'],
  tell: tellStreamLosses,
  strike: async ({ lab, random }) => {
    const cutting = await beginCutting(lab);
    await pause(random.between(...WRITTEN_MS));
    const hit = await anyTurn(lab);
    return (await cutting.cut(bytesToCut(random))) > 0 && hit;
  },
};

const failedOver: Fault = {
  name: 'failed-over',
  says: 'a replica takes the place of Redis that had not heard of its last writes; the checkpoint of a shard went back',
  touches: ['redis', 'shard'],
  without: ['trimmed'],
  tell: tellStreamLosses,
  strike: async ({ lab, random }) => {
    const replica = await startReplica(lab);
    return (await replica.failOver(random.between(...LOST_MS))) > 0;
  },
};

const groupsLost: Fault = {
  name: 'groups-lost',
  says: 'XGROUP DESTROY for every shard; each had its group, and has it again',
  touches: 'shard',
  source: 'redis-stream',
  strike: async ({ lab }) => {
    const lost = await loseGroups(lab);
    const missing = async (): Promise<string[]> =>
      (await lab.look()).filter(({ groupMarker }) => groupMarker === null).map(({ shard }) => shard.name);
    const what = 'each shard has its group again';
    await eventually(missing, (names) => names.length === 0, { withinMs: AGAIN_MS_MAX, everyMs: 100, what });
    return lost === lab.shards.length;
  },
};

const queueLost: Fault = {
  name: 'queue-lost',
  says: 'DEL of the jobs, their locks and all else of the queue; somebody had a turn, and every shard goes on',
  touches: 'redis',
  strike: async ({ lab }) => (await loseQueue(lab, AGAIN_MS_MAX)) > 0,
};

const toldLosses = (lab: Lab): number => said(lab, /^the state of shards was lost/);

const stateLost: Fault = {
  name: 'state-lost',
  says: 'DEL of the state of a shard; it had settled something, and a daemon told of the loss',
  touches: 'shard',
  // The counts of a shard begin anew, and generations with them.
  without: ['rewind', 'skip', 'trimmed'],
  strike: async ({ lab, random }) => {
    const shard = random.pick(lab.shards);
    const before = toldLosses(lab);
    const had = (await lab.look()).some((now) => now.shard === shard && now.checkpoint !== null);
    await loseState(lab, shard);
    const what = `the loss of ${shard.name} is told`;
    await eventually(
      () => toldLosses(lab),
      (times) => times > before,
      { withinMs: TOLD_MS_MAX, what },
    );
    return had;
  },
};

export const LOSSY_FAULTS: readonly Fault[] = [tailCut, failedOver, groupsLost, queueLost, stateLost];
