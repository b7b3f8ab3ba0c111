/** middy: the event parsed, input, output and errors logged, by three of its own middlewares. */
import middy from '@middy/core';
import errorLogger from '@middy/error-logger';
import eventNormalizer from '@middy/event-normalizer';
import inputOutputLogger from '@middy/input-output-logger';
import type { KinesisStreamEvent } from 'aws-lambda';

interface Reading {
  readonly sensor: string;
  readonly celsius: number;
}

/** What event-normalizer makes of an event: `data` is no longer text but what the JSON in it says. */
interface NormalizedEvent {
  readonly Records: readonly { readonly kinesis: { readonly data: Reading } }[];
}

async function warmest(event: NormalizedEvent): Promise<Reading> {
  const readings = event.Records.map((record) => record.kinesis.data);
  const first = readings.find((reading) => Number.isFinite(reading.celsius));
  if (first === undefined) throw new RangeError('no reading has a temperature');
  return readings.reduce((best, reading) => (reading.celsius > best.celsius ? reading : best), first);
}

export const handler = middy<KinesisStreamEvent, Reading>()
  .use(inputOutputLogger({ omitPaths: ['event.Records.[].kinesis.data'] }))
  .use(eventNormalizer())
  .use(errorLogger())
  .handler((event) => warmest(event as unknown as NormalizedEvent));
