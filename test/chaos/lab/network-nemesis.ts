/** Breaks the ways of daemons to Redis, one after another or of all of them at once, and says what each breakage was to whom. */
import { performance } from 'node:perf_hooks';
import type { HistoryLine } from '../../support/history.ts';
import { viewShards } from '../shard-view.ts';
import type { Lab, LabDaemon } from './lab.ts';
import type { Breakage } from './network.ts';

export interface Strike {
  readonly breakage: string;
  readonly fault: string;
  /** What it was done to. */
  readonly daemons: readonly LabDaemon[];
  readonly lastedMs: number;
  /** Connections that it really was in the way of. */
  readonly touched: number;
  /** Connections that it did not let come, as the daemons tell. */
  readonly refused: number;
  /** Shards in the daemons' hands when it came. */
  readonly had: readonly string[];
}

const refusedTo = ({ process }: LabDaemon): number =>
  process.lines.filter(({ err }) => typeof err === 'string' && err.includes('ECONNREFUSED')).length;

const sum = (list: readonly number[]): number => list.reduce((n, one) => n + one, 0);

/** `daemons` have ways of their own. What else is done to the network is over by then. */
export async function breakNetwork(
  lab: Lab,
  breakage: Breakage,
  daemons: readonly LabDaemon[],
  lastsMs: number,
): Promise<Strike> {
  const name = `network ${breakage.name}`;
  const refusedBefore = sum(daemons.map(refusedTo));
  const fault = await lab.beginFault(name);
  const had = (await Promise.all(daemons.map((daemon) => lab.ownedBy(daemon)))).flat();
  const from = performance.now();
  await Promise.all(daemons.map(({ link }) => breakage.befall(link!, lastsMs)));
  const lastedMs = Math.round(performance.now() - from);
  const touched = sum(daemons.map(({ link }) => link!.touched()));
  await lab.healFault(fault, name);
  const refused = sum(daemons.map(refusedTo)) - refusedBefore;
  return { breakage: breakage.name, fault, daemons, lastedMs, touched, refused, had };
}

/** Something was at work, and it was in its way. */
export const hasHit = ({ had, touched, refused, breakage }: Strike): boolean =>
  had.length > 0 && (breakage === 'refused' ? refused : touched) > 0;

/**
 * For how long after the end of each strike each shard that its daemons had in hand, and that had records to settle, stood still.
 * A later strike begins its own count. Ascending.
 */
export function stoodStill(history: readonly HistoryLine[], strikes: readonly Strike[]): number[] {
  const views = new Map(viewShards(history).map((view) => [view.shard, view]));
  const times = strikes.flatMap(({ fault, had }, index) => {
    const end = healedAt(history, fault);
    const next = strikes[index + 1];
    const until = next ? begunAt(history, next.fault) : Infinity;
    return had.flatMap((shard): number[] => {
      const view = views.get(shard);
      const waits = view?.acceptedLines.some(
        ({ tMono, positions }) => tMono <= end && positions.some((p) => (view.terminal.get(p)?.at ?? Infinity) > end),
      );
      const at = view?.lines.find(
        (line) => line.tMono > end && (line.kind === 'start' || line.kind === 'success'),
      )?.tMono;
      if (!waits || (at ?? Infinity) > until) return [];
      return [(at ?? Infinity) - end];
    });
  });
  return times.sort((a, b) => a - b);
}

/** For how long after each strike each of its daemons took no turn; those whose time ended before it did have none. Ascending. */
export function stayedAway(history: readonly HistoryLine[], strikes: readonly Strike[]): number[] {
  const leases = history.filter((line) => line.kind === 'lease');
  const times = strikes.flatMap(({ fault, daemons }) => {
    const end = healedAt(history, fault);
    return daemons.flatMap(({ process: { pid } }): number[] => {
      const lease = leases.find((line) => line.pid === pid && line.tMono > end);
      return lease ? [lease.tMono - end] : [];
    });
  });
  return times.sort((a, b) => a - b);
}

function begunAt(history: readonly HistoryLine[], fault: string): number {
  return history.find((line) => line.kind === 'fault' && line.id === fault && line.phase === 'begin')!.tMono;
}

function healedAt(history: readonly HistoryLine[], fault: string): number {
  return history.find((line) => line.kind === 'fault' && line.id === fault && line.phase === 'healed')!.tMono;
}
