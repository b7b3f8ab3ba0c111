/** One attempt: the unit's event through the sandbox, under the lease, with one log line of each thing that a user must see. */
import { EVENT_BYTES_MAX } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { type ShardRef, toSequenceNumber, type Unit } from '../record.ts';
import type { InvokeOutcome, LeaseView, Sandbox } from '../sandbox/types.ts';
import type { AttemptOutcome } from '../unit/types.ts';
import type { Slice } from './reading.ts';
import type { TurnSettings } from './settings.ts';

export interface AttemptDeps {
  readonly sandbox: Sandbox;
  readonly log: Log;
  readonly onInvoked: (functionName: string, outcome: InvokeOutcome) => void;
}

export async function attempt(
  deps: AttemptDeps,
  settings: TurnSettings,
  shard: ShardRef,
  unit: Unit,
  slice: Slice,
  lease: LeaseView,
): Promise<AttemptOutcome> {
  if (slice.event.count === 0) {
    const errorMessage = `The event of this record has ${slice.event.bytes} bytes, and ${EVENT_BYTES_MAX} are allowed`;
    return { kind: 'oversized', errorMessage };
  }
  const { version } = settings;
  const outcome = await deps.sandbox.invoke({
    version,
    event: slice.event.event,
    ascii: slice.event.ascii,
    lease,
    context: {
      requestId: unit.requestId,
      mapping: {
        name: shard.mapping,
        shardId: shard.shardId,
        epoch: lease.epoch,
        attempt: unit.deliveries,
        firstSequenceNumber: toSequenceNumber(unit.first),
        lastSequenceNumber: toSequenceNumber(unit.last),
      },
    },
    log: ({ level, text, requestId }) => {
      const fields = {
        function: version.name,
        mapping: shard.mapping,
        shard: shard.shardId,
        requestId,
        stream: 'handler',
      };
      deps.log[level === 'trace' ? 'debug' : level](fields, text);
    },
  });
  deps.onInvoked(version.name, outcome);
  if (outcome.kind === 'ok') return { kind: 'returned', result: outcome.result };
  if (outcome.kind === 'infrastructure') return outcome;
  const { errorType, errorMessage } = outcome.error;
  deps.log.warn(
    {
      ...{ function: version.name, version: version.hash.slice(0, 12), mapping: shard.mapping, shard: shard.shardId },
      ...{ requestId: unit.requestId, attempt: unit.deliveries, records: unit.count, errorType },
      sequenceNumber: toSequenceNumber(unit.first),
    },
    `invocation failed: ${errorMessage}`,
  );
  return { kind: 'failed', errorType, errorMessage };
}
