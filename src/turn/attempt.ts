/** One attempt: the unit's event through the sandbox, under the lease, with one log line of each thing that a user must see. */
import type { EncodedEvent } from '../event/kinesis.ts';
import type { Log } from '../observe/log.ts';
import { PlatformLines } from '../observe/platform-lines.ts';
import type { ShardRef, Unit } from '../record.ts';
import type { HandlerLogLine, InvokeOutcome, LeaseView, Sandbox } from '../sandbox/types.ts';
import { sequenceNumberOf } from '../spool.ts';
import type { AttemptOutcome, Decision } from '../unit/types.ts';
import { recordBytesMax } from './format-options.ts';
import { noticeRefusals } from './refusals.ts';
import type { TurnSettings } from './settings.ts';

export interface AttemptDeps {
  readonly sandbox: Sandbox;
  readonly log: Log;
  /** Where a handler's own lines go (contract.md, "Running it"). */
  readonly handlerLog: (origin: HandlerOrigin) => (line: HandlerLogLine & { readonly stream?: 'platform' }) => void;
}

export interface HandlerOrigin {
  readonly function: string;
  readonly mapping: string;
  readonly shard: string;
}

/** What the unit rules make of it, and what the sandbox said, for the metrics; null when the function was not called. */
export interface Attempted {
  readonly outcome: AttemptOutcome;
  readonly invoked: InvokeOutcome | null;
}

export async function attempt(
  deps: AttemptDeps,
  settings: TurnSettings,
  shard: ShardRef,
  unit: Unit,
  event: EncodedEvent,
  lease: LeaseView,
): Promise<Attempted> {
  if (event.count === 0 && !unit.closes) return { outcome: noEvent(event, settings), invoked: null };
  const { version, spooled } = settings;
  const write = deps.handlerLog({ function: version.name, mapping: shard.mapping, shard: shard.shardId });
  const platform = version.systemLog === true ? platformLines(version, unit.requestId, write) : undefined;
  const asked = noticeRefusals(lease);
  const invoked = await deps.sandbox.invoke({
    version,
    ...{ event: event.event, ascii: event.ascii, columns: event.columns },
    lease: asked,
    context: {
      requestId: unit.requestId,
      mapping: {
        name: shard.mapping,
        shardId: shard.shardId,
        epoch: lease.epoch,
        attempt: unit.deliveries,
        firstSequenceNumber: sequenceNumberOf(unit.first, spooled),
        lastSequenceNumber: sequenceNumberOf(unit.last, spooled),
      },
    },
    log: write,
    ...(platform === undefined ? {} : { phase: (phase) => platform.phase(phase) }),
  });
  platform?.end(invoked, Date.now());
  if (invoked.kind === 'ok') return { outcome: { kind: 'returned', result: invoked.result }, invoked };
  if (invoked.kind === 'infrastructure') return { outcome: invoked, invoked };
  const { errorType, errorMessage, trace } = invoked.error;
  // What Lambda's runtime writes into the function's log as `Invoke Error`, once per failed attempt.
  deps.log.error(
    {
      ...{ function: version.name, version: version.hash.slice(0, 12), mapping: shard.mapping, shard: shard.shardId },
      ...{ requestId: unit.requestId, attempt: unit.deliveries, records: unit.count, errorType },
      ...{ sequenceNumber: sequenceNumberOf(unit.first, spooled), stack: trace },
    },
    `invocation failed: ${errorMessage}`,
  );
  // With Redis away or slow its requests were not sent: that is no failure of the function, and spends nothing of what it may retry.
  if (asked.refused())
    return { outcome: { kind: 'infrastructure', reason: 'the lease could not be confirmed' }, invoked };
  return { outcome: { kind: 'failed', errorType, errorMessage }, invoked };
}

/** What the metrics call what a function returned. */
export function answerOf(outcome: AttemptOutcome, ran: Unit, decision: Decision): 'ok' | 'partial' | 'error' {
  const short = outcome.kind === 'returned' && (ran.closes ? decision.failed : decision.succeeded < ran.count);
  // AWS's result of an answer that named failed records is OK; of one that cannot be used it is not.
  return !short ? 'ok' : decision.lastProcessingResult === 'OK' ? 'partial' : 'error';
}

function noEvent(event: EncodedEvent, settings: TurnSettings): AttemptOutcome {
  if (event.refusal !== undefined) return { kind: 'no-event', reason: 'malformed', errorMessage: event.refusal };
  const errorMessage = `The event of this record has ${event.bytes} bytes, and ${recordBytesMax(settings)} are allowed`;
  return { kind: 'no-event', reason: 'oversized', errorMessage };
}

function platformLines(
  { hash, memorySizeMb, timeoutMs }: TurnSettings['version'],
  requestId: string,
  write: ReturnType<AttemptDeps['handlerLog']>,
): PlatformLines {
  const facts = { requestId, version: hash, memorySizeMb, timeoutMs };
  return new PlatformLines(facts, (text) => write({ level: 'info', text, requestId, stream: 'platform' }));
}
