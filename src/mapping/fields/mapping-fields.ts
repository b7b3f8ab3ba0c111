/** Everything that can be written under `mappings.<name>`: AWS's options with the first letter lowered, same range, same default. */
import { z } from 'zod';
import { FAILURE_STREAM_BYTES_MAX } from '../../limits.ts';
import { field, integer, text } from '../field.ts';
import { parseTimestamp } from '../syntax.ts';
import { filterCriteriaField } from './filter-fields.ts';
import { outputField } from './output-fields.ts';
import { destinationConfigField, sourceField } from './source-fields.ts';

const AGE_RULE = 'must be -1 (never) or from 60 to 604800 seconds (7 days)';

const recordAge = z
  .int()
  .min(-1, { error: AGE_RULE })
  .max(604_800, { error: AGE_RULE })
  .refine((age) => age === -1 || age >= 60, { error: AGE_RULE, params: { code: 'out-of-range' } });

const timestamp = z.union([z.number(), z.string()]).refine((value) => parseTimestamp(value) !== undefined, {
  error: 'must be a time: ISO 8601 with a zone, or Unix seconds',
  params: { code: 'bad-timestamp', hint: 'for example 2026-11-23T08:00:00Z, or 1795420800' },
});

export const mappingShape = {
  function: field(text(63), {
    about: 'Name of the function that gets the records.',
    example: 'enrich',
    alsoCalled: ['functionName'],
  }),
  enabled: field(z.boolean().default(true), {
    about: 'A mapping that is not enabled keeps its position and reads nothing.',
    example: 'false',
    alsoCalled: ['disabled'],
  }),
  source: sourceField,
  eventFormat: field(z.enum(['kinesis', 'kafka', 'dynamodb', 's3', 'raw']).exactOptional(), {
    about:
      'What the event that the function sees looks like: `kinesis` (default for Redis streams), `kafka` (default for Kafka), `dynamodb` (the data are change records), `s3` (the data are bucket notifications), `raw` (the data are JSON, handed over as they are). See [feeds](feeds.md).',
    example: 'kinesis',
    pinned: true,
  }),
  batchSize: field(integer(1, 10_000).default(100), { about: 'Records per invocation, at most.', example: '100' }),
  maximumBatchingWindowInSeconds: field(integer(0, 300, 'seconds').default(0), {
    about: 'How long to wait for a batch to fill, in seconds. 0: take what is there.',
    example: '1',
    unit: 'seconds',
    alsoCalled: ['batchWindow', 'maxBatchingWindow'],
  }),
  startingPosition: field(z.enum(['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP']).exactOptional(), {
    about:
      'Where a new mapping begins: at the oldest record, with what comes from now on, or at a time. Required for Redis streams; `TRIM_HORIZON` for Kafka, where it does not matter once the group has committed offsets.',
    example: 'TRIM_HORIZON',
    pinned: true,
  }),
  startingPositionTimestamp: field(timestamp.exactOptional(), {
    about: 'With `AT_TIMESTAMP`: ISO 8601 with a zone, or Unix seconds; not in the future.',
    example: '2026-11-01T00:00:00Z',
    pinned: true,
    expects: 'a time: ISO 8601 with a zone, or Unix seconds',
  }),
  maximumRecordAgeInSeconds: field(recordAge.exactOptional(), {
    about:
      'Written out, what is older is given up untried; -1: never. Not written: 24 hours, and no record is given up without having failed by itself.',
    example: '86400',
    unit: 'seconds',
    alsoCalled: ['maxRecordAge', 'maximumEventAgeInSeconds'],
  }),
  maximumRetryAttempts: field(integer(-1, 10_000).default(-1), {
    about: 'Retries of a unit after its first failure; then it is given up, with a notice. -1: until it expires.',
    example: '3',
    alsoCalled: ['maxRetries', 'retries', 'maximumRetries', 'maxRetryAttempts'],
  }),
  bisectBatchOnFunctionError: field(z.boolean().default(false), {
    about:
      'Halve a failed batch, left half first, until the record that fails stands alone. Splitting spends no retries.',
    example: 'true',
    alsoCalled: ['bisect', 'bisectBatchOnError'],
  }),
  functionResponseTypes: field(
    z
      .array(z.enum(['ReportBatchItemFailures']))
      .max(1, { error: 'must have at most 1 entry' })
      .default([]),
    {
      about: 'With `ReportBatchItemFailures` the handler may say which record failed; the ones before it are settled.',
      example: '[ ReportBatchItemFailures ]',
    },
  ),
  destinationConfig: destinationConfigField,
  failureStreamMaxBytes: field(integer(1024 * 1024, 2 ** 50, 'bytes').default(FAILURE_STREAM_BYTES_MAX), {
    about:
      'Bound of the mapping’s own failure stream (used when `destinationConfig.onFailure` is not set), in bytes. At the bound the shard stays blocked: nothing is given up without its notice.',
    example: '1073741824',
    unit: 'bytes',
  }),
  parallelizationFactor: field(integer(1, 10).default(1), {
    about:
      'Batches of one shard that run at once: its lanes. Records of one partition key are in the same lane and stay in their order; a blocked key blocks its lane only.',
    example: '4',
    pinned: true,
  }),
  tumblingWindowInSeconds: field(integer(0, 900, 'seconds').default(0), {
    about:
      'Aggregation windows of this length: the function carries `state` from invocation to invocation of a window and gets a final one at its end. 0: off.',
    example: '60',
    unit: 'seconds',
    pinned: true,
  }),
  filterCriteria: filterCriteriaField,
  output: outputField,
};

export const mappingObject = z.strictObject(mappingShape);
export type MappingFields = z.output<typeof mappingObject>;
