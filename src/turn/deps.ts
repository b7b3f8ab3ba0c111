/** What a turn works with. */
import type { Redis } from '../redis/connect.ts';
import type { Log } from '../observe/log.ts';
import type { Keys } from '../redis/keys.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { ScriptCaller } from '../redis/scripts.ts';
import type { InvokeOutcome, Sandbox } from '../sandbox/types.ts';
import type { SettleCounts } from '../shard/settle.ts';
import type { Clock } from '../time.ts';
import type { AloneGate } from './alone.ts';
import type { AttemptDeps } from './attempt.ts';
import type { TurnMapping } from './settings.ts';

/** What a turn tells the metrics. */
export interface TurnObserver {
  invoked(functionName: string, outcome: InvokeOutcome, answer: 'ok' | 'partial' | 'error'): void;
  settled(mapping: string, counts: SettleCounts): void;
  throttled(functionName: string): void;
  retried(mapping: string): void;
  takenOver(mapping: string): void;
  fenced(mapping: string): void;
}

export interface TurnDeps {
  readonly daemonId: string;
  readonly redis: Redis;
  /** What settles go by. */
  readonly settleBy: ScriptCaller;
  readonly reader: RangeReader;
  readonly keys: Keys;
  readonly sandbox: Sandbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlerLog: AttemptDeps['handlerLog'];
  readonly observe: TurnObserver;
  readonly gate: AloneGate;
  readonly draining: () => boolean;
  /** True while a slot is free for whichever of the mapping's shards comes next. */
  readonly spare: (mapping: TurnMapping) => boolean;
}
