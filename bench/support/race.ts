/** One run of one system over the same records: from the moment a tenth of them is done to the last one. */
import { type Lab, mappingOf, sleep } from './lab.ts';
import { type Program, startMillrace, startPeer } from './daemon.ts';
import { cpuBetween, type Snapshot, snapshot } from './processes.ts';

export interface Lap {
  readonly recordsPerSecond: number;
  /** CPU seconds per million records, of all processes. */
  readonly cpuPerMillion: number;
  readonly cpu: { readonly redis: number; readonly main: number; readonly children: number };
  /** Peak resident memory in MB, without Redis. */
  readonly peakRssMb: number;
  readonly childrenPeakMb: number;
  readonly children: number;
}

function lapOf(from: Snapshot, to: Snapshot, records: number): Lap {
  const cpu = cpuBetween(from, to);
  const million = 1e6 / records;
  return {
    recordsPerSecond: (records / (to.atMs - from.atMs)) * 1_000,
    cpuPerMillion: cpu.all * million,
    cpu: { redis: cpu.redis * million, main: cpu.main * million, children: cpu.children * million },
    peakRssMb: to.main.peakRssMb + to.children.peakRssMb,
    childrenPeakMb: to.children.peakRssMb,
    children: to.children.processes,
  };
}

const LOOK_EVERY_MS = 10;
const STUCK_MS = 120_000;

/** The mapping must be fresh; `total` records wait in its stream's shards. */
export async function raceMillrace(lab: Lab, race: MillraceRace): Promise<Lap> {
  const { mapping, stream, shards, batchSize, total, handler, more, allow } = race;
  const f = { code: 'handler.mjs', handler: 'handler', timeout: 10, network: { allow } };
  const config = lab.configure(
    handler,
    { [mapping]: mappingOf(stream, batchSize, more) },
    allow && { functions: { f } },
  );
  const daemon = await startMillrace(config);
  const look = async (least: number): Promise<[number, Snapshot]> => {
    for (const until = Date.now() + STUCK_MS; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
      const done = await lab.succeeded(mapping, shards);
      if (done >= least) return [done, snapshot(lab.server.pid, daemon.pid)];
    }
    throw new Error(`mapping ${mapping} did not settle ${least} records within ${STUCK_MS} ms`);
  };
  const [already, from] = await look(total / 10);
  const [, to] = await look(total);
  await daemon.stop();
  return lapOf(from, to, total - already);
}

export interface MillraceRace {
  readonly mapping: string;
  readonly stream: string;
  readonly shards: number;
  readonly batchSize: number;
  readonly total: number;
  readonly handler: string;
  /** Further settings of the mapping. */
  readonly more?: object;
  /** Hosts that the function may reach. */
  readonly allow?: readonly string[];
}

export async function racePeer(lab: Lab, name: string, args: readonly (string | number)[]): Promise<Lap> {
  const peer = startPeer(name, args);
  const at = async (word: string): Promise<[number, Snapshot]> => {
    const line = await peer.next(word);
    return [Number(line.split(' ')[1]), snapshot(lab.server.pid, peer.pid)];
  };
  // Asked for together: a short race may be over before the first answer is looked at.
  const over = at('done');
  const [already, from] = await at('warm');
  const [total, to] = await over;
  await stopPeer(peer);
  return lapOf(from, to, total - already);
}

async function stopPeer(peer: Program): Promise<void> {
  peer.kill('SIGKILL');
  await peer.stop();
}
