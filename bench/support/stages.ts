/** A run of several processes: records per second, and what each process costs, from a tenth of the records to the last. */
import { startPeer } from './daemon.ts';
import { type Cost, costOf } from './processes.ts';

export interface Lap {
  readonly recordsPerSecond: number;
  /** CPU seconds per million records, by stage. */
  readonly cpu: Readonly<Record<string, number>>;
}

/** Stage → its processes. */
export type Pids = () => Readonly<Record<string, readonly number[]>>;

export interface Look {
  readonly done: number;
  readonly atMs: number;
  readonly costs: Readonly<Record<string, Cost>>;
}

export function costs(pids: Pids): Look['costs'] {
  return Object.fromEntries(Object.entries(pids()).map(([stage, list]) => [stage, costOf(list)]));
}

export function lapOf(from: Look, to: Look): Lap {
  const records = to.done - from.done;
  const cpu = Object.fromEntries(
    Object.entries(to.costs).map(([stage, { cpuSeconds }]) => [
      stage,
      ((cpuSeconds - from.costs[stage]!.cpuSeconds) / records) * 1e6,
    ]),
  );
  return { recordsPerSecond: (records / (to.atMs - from.atMs)) * 1_000, cpu };
}

/** A program of bench/peers that says `warm <n>` and `done <n>`. */
export async function peerLap(
  name: string,
  args: readonly (string | number)[],
  pidsOf: (peer: number) => ReturnType<Pids>,
): Promise<Lap> {
  const peer = startPeer(name, args);
  const at = async (word: string): Promise<Look> => {
    const line = await peer.next(word);
    return { done: Number(line.split(' ')[1]), atMs: performance.now(), costs: costs(() => pidsOf(peer.pid)) };
  };
  // Asked for together: a short race may be over before the first answer is looked at.
  const over = at('done');
  const from = await at('warm');
  const to = await over;
  peer.kill('SIGKILL');
  await peer.stop();
  return lapOf(from, to);
}
