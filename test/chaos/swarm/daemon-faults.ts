/** Faults of one daemon: killed, stopped, its loop blocked, its functions' processes killed, its clock set, ended as for a deployment, or for one. */
import { HEARTBEAT_MS, LOCK_MS } from '../../../src/limits.ts';
import type { Member } from '../../../src/daemon/membership.ts';
import { watcherOf } from '../../../src/watch/assign.ts';
import { shardKey } from '../../../src/watch/polled-shard.ts';
import { deploy, prepareDeploys, versionsOf } from '../lab/deploys.ts';
import { type Lab, type LabDaemon, pause } from '../lab/lab.ts';
import { killSandboxes } from '../lab/sandboxes.ts';
import { MAPPING } from '../lab/source.ts';
import { blockFor } from '../lab/stalls.ts';
import type { Fault } from './fault.ts';

/** What a stopped daemon had sent by then still takes effect. */
const IN_FLIGHT_MS = 50;
/** A successor waits for the turn's job to be given up and then for its own lock: two leases, and the machine is slow. */
const TAKEN_OVER_MS_MAX = 15_000;
const SANDBOXES = 2;

export const hasTurn =
  (lab: Lab) =>
  async (daemon: LabDaemon): Promise<boolean> =>
    (await lab.ownedBy(daemon)).length > 0;

async function members(lab: Lab): Promise<Member[]> {
  const ids = await lab.redis.zrange(lab.keys.daemons(), '0', '-1');
  if (ids.length === 0) return [];
  const texts = await lab.redis.mget(ids.map((id) => lab.keys.daemon(id)));
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as Member]));
}

/** It watches a shard, as all daemons conclude from who is alive. */
const watches =
  (lab: Lab) =>
  async (daemon: LabDaemon): Promise<boolean> => {
    const pollers = (await members(lab)).filter(({ roles }) => roles.includes('poller')).map(({ id }) => id);
    return lab.shards.some(({ shardId }) => watcherOf(shardKey(MAPPING, shardId), pollers) === daemon.id());
  };

const executorKilled: Fault = {
  name: 'executor-killed',
  says: 'SIGKILL to a daemon that runs functions; it had a shard in hand',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const hit = await lab.kill(daemon);
      daemons.replace(daemon);
      return hit.length > 0;
    }),
};

const holdersKilled: Fault = {
  name: 'holders-killed',
  says: 'SIGKILL to a daemon that runs functions, and to the next one that has a shard of it, as soon as it has; both had it in hand',
  touches: 'daemon',
  onlyAsked: true,
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (first) => {
      const had = await lab.kill(first);
      daemons.replace(first);
      const next = await successorOf(lab, had);
      if (!next) return false;
      const lost = await lab.kill(next);
      daemons.replace(next);
      return lost.some((shard) => had.includes(shard));
    }),
};

/** The first that has one of the shards. */
async function successorOf(lab: Lab, shards: readonly string[]): Promise<LabDaemon | null> {
  const deadline = performance.now() + TAKEN_OVER_MS_MAX;
  while (performance.now() < deadline) {
    for (const daemon of lab.ready())
      if ((await lab.ownedBy(daemon)).some((shard) => shards.includes(shard))) return daemon;
    await pause(10);
  }
  return null;
}

const pollerKilled: Fault = {
  name: 'poller-killed',
  says: 'SIGKILL to a daemon that watches; a shard was its to watch',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('poller', random, watches(lab), async (daemon) => {
      const hit = await watches(lab)(daemon);
      await lab.kill(daemon);
      daemons.replace(daemon);
      return hit;
    }),
};

const sandboxKilled: Fault = {
  name: 'sandbox-killed',
  says: 'SIGKILL to processes that run functions; an attempt failed with one',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      return (await killSandboxes(lab, daemon, SANDBOXES, random)).length > 0;
    }),
};

const zombie: Fault = {
  name: 'zombie',
  says: 'SIGSTOP for longer than the lease, SIGCONT when others have its shards; it had lost one',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const id = await lab.beginFault('SIGSTOP');
      daemon.process.kill('SIGSTOP');
      await pause(IN_FLIGHT_MS);
      const had = await lab.ownedBy(daemon);
      await pause(LOCK_MS);
      const deadline = performance.now() + TAKEN_OVER_MS_MAX;
      let left = await lab.ownedBy(daemon);
      while (left.length > 0 && performance.now() < deadline) {
        await pause(100);
        left = await lab.ownedBy(daemon);
      }
      await pause(random.between(0, 1_000));
      daemon.process.kill('SIGCONT');
      await lab.healFault(id, 'SIGSTOP', had);
      return left.length < had.length;
    }),
};

const stall: Fault = {
  name: 'stall',
  says: 'SIGSTOP for less than half a lease, SIGCONT; it had a shard in hand',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const id = await lab.beginFault('SIGSTOP');
      daemon.process.kill('SIGSTOP');
      await pause(IN_FLIGHT_MS);
      const had = await lab.ownedBy(daemon);
      await pause(random.between(200, LOCK_MS / 2 - IN_FLIGHT_MS));
      daemon.process.kill('SIGCONT');
      await lab.healFault(id, 'SIGSTOP', had);
      return had.length > 0;
    }),
};

const replaced: Fault = {
  name: 'replaced',
  says: 'SIGTERM to a daemon when its successor is started; it had a shard in hand',
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const had = await hasTurn(lab)(daemon);
      daemons.replace(daemon);
      await lab.terminate(daemon);
      return had;
    }),
};

const clockSet: Fault = {
  name: 'clock-set',
  says: "a daemon's wall clock jumps by up to 25 hours, and back after some heartbeats; it took a turn meanwhile",
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const { pid } = daemon.process;
      const id = await lab.beginFault('clock set');
      const from = (await lab.recorder.history()).length;
      daemon.process.kill('SIGUSR2');
      await pause(random.between(2, 4) * HEARTBEAT_MS);
      daemon.process.kill('SIGUSR2');
      await lab.healFault(id, 'clock set', []);
      const since = (await lab.recorder.history()).slice(from);
      return since.some((line) => line.kind === 'lease' && line.pid === pid);
    }),
};

const loopBlocked: Fault = {
  name: 'loop-blocked',
  says: "a daemon's own loop stands still for 1 to 10 s, the processes of its functions go on; it had a shard in hand",
  touches: 'daemon',
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const { hit } = await blockFor(lab, daemon, random.between(1_000, 10_000));
      return hit.length > 0;
    }),
};

const deployed: Fault = {
  name: 'deployed',
  says: 'other code, a daemon that starts on it, then SIGTERM to one with older code; it had a shard in hand, and the new code ran',
  touches: 'daemon',
  prepare: async (lab) => {
    await prepareDeploys(lab);
    await deploy(lab, 'first');
  },
  strike: ({ lab, daemons, random }) =>
    daemons.withOne('executor', random, hasTurn(lab), async (daemon) => {
      const version = `at ${Date.now()}`;
      await deploy(lab, version);
      const fresh = daemons.replace(daemon);
      await fresh.process.ready;
      const had = await hasTurn(lab)(daemon);
      await lab.terminate(daemon);
      const ran = async (): Promise<boolean> => (await versionsOf(lab)).some((line) => line.version === version);
      const deadline = performance.now() + TAKEN_OVER_MS_MAX;
      while (!(await ran())) {
        if (performance.now() > deadline) return false;
        await pause(250);
      }
      return had;
    }),
};

export const DAEMON_FAULTS: readonly Fault[] = [
  ...[
    executorKilled,
    holdersKilled,
    pollerKilled,
    sandboxKilled,
    zombie,
    stall,
    loopBlocked,
    replaced,
    deployed,
    clockSet,
  ],
];
