/**
 * I9 by order instead of time: a record of a healthy shard never waits through all of what a troubled one does meanwhile, be it an attempt that
 * hangs or the pause before its next attempt. Both are long as the clock has it, however slow the machine is.
 */
import type { ShardView, Violation } from './shard-view.ts';

/** From one start of a troubled shard to its next one. */
interface Stretch {
  readonly shard: string;
  readonly from: number;
  readonly to: number;
}

/** `leastMs`: shorter ones say nothing, because a slow machine may take as long for a healthy record. */
export function stretchesOf(views: readonly ShardView[], troubled: readonly string[], leastMs: number): Stretch[] {
  return views
    .filter(({ shard }) => troubled.includes(shard))
    .flatMap(({ shard, attempts }) =>
      attempts.slice(1).map(({ start }, n) => ({ shard, from: attempts[n]!.start.tMono, to: start.tMono })),
    )
    .filter(({ from, to }) => to - from >= leastMs);
}

export function checkTroubled(views: readonly ShardView[], troubled: readonly string[], leastMs: number): Violation[] {
  const stretches = stretchesOf(views, troubled, leastMs);
  return views
    .filter(({ shard }) => !troubled.includes(shard))
    .flatMap((view) => {
      const started = new Map<string, number>();
      for (const { start } of view.attempts)
        for (const position of start.positions) started.set(position, started.get(position) ?? start.tMono);
      return view.acceptedLines.flatMap((line) =>
        line.positions.flatMap((position): Violation[] => {
          const at = started.get(position) ?? Infinity;
          const through = stretches.find(({ from, to }) => line.tMono <= from && to <= at);
          if (!through) return [];
          const message = `${position} waited while ${through.shard} did nothing but ${Math.round(through.to - through.from)} ms of an attempt and its pause`;
          return [{ invariant: 'I9', shard: view.shard, message, excerpt: [line] }];
        }),
      );
    });
}
