/**
 * The durable record of records that did not succeed: AWS's OnFailure record (esm-semantics.md §1.11) with what Millrace adds to it
 * (contract.md, "Failure notices"). Pure: facts in, JSON text out, members in AWS's order and ours behind them.
 */
import type { EntryId } from '../record.ts';
import { sequenceNumberOf } from '../spool.ts';

export type NoticeCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded' | 'SkippedByOperator' | 'SourceGap';

export interface NoticeInput {
  readonly mapping: string;
  readonly functionName: string;
  /** Hash of the version that made the last attempt; where there was none, of the present one. */
  readonly functionVersion: string;
  readonly shardId: string;
  readonly streamArn: string;
  /** The shard is a Kafka partition, of the cluster with these brokers. */
  readonly kafka?: { readonly bootstrapServers: string };
  readonly giveUp: {
    readonly condition: NoticeCondition;
    /** First and last record; of a SourceGap the first and last missing position. */
    readonly first: EntryId;
    readonly last: EntryId;
    readonly count: number;
    readonly requestId: string;
    readonly invokeCount: number;
    /** 'Unhandled' after an error, null after a bad or partial response; undefined: the function was not the reason. */
    readonly functionError: 'Unhandled' | null | undefined;
    readonly error: { readonly errorType: string; readonly errorMessage: string } | null;
  };
  /** Its tumbling window. A final invocation has no records. */
  readonly window?: { readonly start: string; readonly end: string; readonly final: boolean; readonly early: boolean };
  /** It is of one record, and says so in AWS's member for that. */
  readonly single?: boolean;
  /** Null where it is not known, as of records that were lost unread. */
  readonly firstArrivalMs: number | null;
  readonly lastArrivalMs: number | null;
  /** The invocation event as JSON text; null when there is none (a gap, records that vanished). */
  readonly payload: string | null;
  /** Redis ms. */
  readonly timestampMs: number;
}

export function buildNotice(input: NoticeInput): string {
  const { giveUp } = input;
  const responded = giveUp.functionError !== undefined && giveUp.condition !== 'RecordAgeExceeded';
  return JSON.stringify({
    requestContext: {
      requestId: giveUp.requestId,
      functionArn: `arn:millrace:lambda:::function:${input.functionName}`,
      condition: giveUp.condition,
      approximateInvokeCount: giveUp.invokeCount,
    },
    // The function is named without a qualifier, so that AWS would call what ran $LATEST; the very version is in functionVersion.
    responseContext: responded
      ? { statusCode: 200, executedVersion: '$LATEST', functionError: giveUp.functionError }
      : undefined,
    version: '1.0',
    payload: input.payload ?? undefined,
    timestamp: isoTime(input.timestampMs),
    ...(input.kafka ? { KafkaBatchInfo: kafkaInfo(input, input.kafka) } : { KinesisBatchInfo: kinesisInfo(input) }),
    timeWindowInfo: input.window && {
      window: { start: input.window.start, end: input.window.end },
      isFinalInvokeForWindow: input.window.final,
      isWindowTerminatedEarly: input.window.early,
    },
    mapping: input.mapping,
    functionVersion: input.functionVersion,
    error: giveUp.error ? { errorType: giveUp.error.errorType, errorMessage: giveUp.error.errorMessage } : undefined,
  });
}

function kinesisInfo(input: NoticeInput): object {
  const { giveUp } = input;
  // As AWS has it of a final invocation: there are no records.
  if (input.window?.final) return { shardId: input.shardId, streamArn: input.streamArn };
  return {
    shardId: input.shardId,
    startSequenceNumber: sequenceNumberOf(giveUp.first, false),
    endSequenceNumber: sequenceNumberOf(giveUp.last, false),
    approximateArrivalOfFirstRecord: optionalTime(input.firstArrivalMs),
    approximateArrivalOfLastRecord: optionalTime(input.lastArrivalMs),
    batchSize: giveUp.count,
    streamArn: input.streamArn,
  };
}

function kafkaInfo(input: NoticeInput, { bootstrapServers }: { readonly bootstrapServers: string }): object {
  const { giveUp } = input;
  if (input.window?.final) return { eventSourceArn: input.streamArn, bootstrapServers };
  return {
    batchSize: giveUp.count,
    eventSourceArn: input.streamArn,
    bootstrapServers,
    payloadSize: input.payload === null ? undefined : Buffer.byteLength(input.payload),
    recordsInfo: {
      [input.shardId]: {
        firstRecordOffset: Number(sequenceNumberOf(giveUp.first, true)),
        lastRecordOffset: Number(sequenceNumberOf(giveUp.last, true)),
        firstRecordTimestamp: optionalTime(input.firstArrivalMs),
        lastRecordTimestamp: optionalTime(input.lastArrivalMs),
      },
    },
    // AWS has it in messages to a topic, which are of one record each.
    recordInfo:
      input.single && giveUp.condition !== 'SourceGap'
        ? { offset: sequenceNumberOf(giveUp.first, true), timestamp: optionalTime(input.firstArrivalMs) }
        : undefined,
  };
}

function optionalTime(ms: number | null): string | undefined {
  return ms === null ? undefined : isoTime(ms);
}

/** The largest moment that a date can be (ECMAScript), for ids that are no times. */
const LAST_MOMENT_MS = 8_640_000_000_000_000;

function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, -LAST_MOMENT_MS), LAST_MOMENT_MS)).toISOString();
}
