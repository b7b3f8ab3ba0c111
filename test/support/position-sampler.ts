/** Looks at checkpoints and group markers while a test runs, so that the checker sees them "at any instant" and not only at the end. */
import { BEFORE_ALL, previousId } from '../../src/record.ts';
import { positionOf } from './end-state.ts';
import type { PositionLine, Unstamped } from './history.ts';
import type { Recorder } from './recorder.ts';

const STOP_MS_MAX = 5_000;

export interface PositionSample {
  /** `<mapping>/<shardId>`. */
  readonly shard: string;
  /** Entry ids. Read the marker and the first entry before the checkpoint, or all in one step: the checker relies on it. */
  readonly groupMarker?: string | null;
  readonly firstEntry?: string | null;
  readonly checkpoint: string | null;
  readonly generation?: number;
}

/** Samples every `everyMs` until `stop` is called; one sample is recorded before the next is read, and only what changed. */
export function samplePositions(
  recorder: Recorder,
  read: () => Promise<readonly PositionSample[]>,
  everyMs = 20,
): { stop(): Promise<void> } {
  const last = new Map<string, string>();
  let stopped = false;
  /** Failed reads are expected while a test keeps Redis away; the last one is thrown by `stop` when nothing was ever read. */
  let unread: unknown;
  let reads = 0;

  const changed = (
    shard: string,
    kind: 'checkpoint' | 'ack',
    what: 'group' | 'trim' | undefined,
    id: string,
    generation: number,
  ): boolean => {
    const key = `${shard} ${kind} ${what ?? ''} ${generation}`;
    if (id === BEFORE_ALL || last.get(key) === id) return false;
    last.set(key, id);
    return true;
  };
  const linesOf = (sample: PositionSample): Unstamped<PositionLine>[] => {
    const { shard, groupMarker, firstEntry, checkpoint, generation = 1 } = sample;
    const seen = [
      { kind: 'ack', what: 'group', id: groupMarker },
      { kind: 'ack', what: 'trim', id: firstEntry ? previousId(firstEntry) : null },
      { kind: 'checkpoint', what: undefined, id: checkpoint },
    ] as const;
    return seen.flatMap(({ kind, what, id }) =>
      id && changed(shard, kind, what, id, generation)
        ? [{ kind, shard, position: positionOf(id), generation, ...(what && { what }) }]
        : [],
    );
  };
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const samples = await read().catch((error: unknown) => {
        unread = error;
        return null;
      });
      if (samples) {
        reads++;
        await recorder.record(...samples.flatMap(linesOf));
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const running = loop();
  // Reported by `stop`; without a listener now it would end the test process first.
  running.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('the last look at the positions did not come back')), STOP_MS_MAX);
      });
      await Promise.race([running, late]).finally(() => clearTimeout(timer));
      if (reads === 0 && unread !== undefined) throw unread;
    },
  };
}
