/**
 * Makes departure lines of flight records and sends them to the board, in order. The types are those of @types/aws-lambda:
 * the same file would run on AWS. A record that cannot be sent is named in the answer; everything before it counts as done.
 */
import type { KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';

interface Flight {
  /** Number of this flight among those of its airport, from 1. */
  readonly number: number;
  readonly date: string;
  readonly origin: string;
  readonly destination: string;
  /** Miles. */
  readonly distance: number;
  /** Minutes; negative: early. */
  readonly delay: number;
}

export interface Departure {
  readonly airport: string;
  readonly number: number;
  readonly text: string;
}

const KM_PER_MILE = 1.609344;

export async function handler(event: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  const departures: Departure[] = [];
  let failed: KinesisStreamRecord | undefined;
  for (const record of event.Records) {
    try {
      departures.push(enrich(decode(record)));
    } catch (error) {
      console.warn(`${record.kinesis.sequenceNumber}: ${error instanceof Error ? error.message : String(error)}`);
      failed = record;
      break;
    }
  }
  const accepted = await post(departures);
  if (accepted < departures.length) failed = event.Records[accepted];
  return { batchItemFailures: failed ? [{ itemIdentifier: failed.kinesis.sequenceNumber }] : [] };
}

function decode(record: KinesisStreamRecord): Flight {
  return JSON.parse(Buffer.from(record.kinesis.data, 'base64').toString('utf8')) as Flight;
}

function enrich(flight: Flight): Departure {
  const km = Math.round(flight.distance * KM_PER_MILE);
  if (Number.isNaN(km))
    throw new TypeError(`flight ${flight.origin} ${flight.number} has no distance: ${flight.distance}`);
  const late = flight.delay > 15 ? `${flight.delay} min late` : flight.delay < 0 ? 'early' : 'on time';
  return {
    airport: flight.origin,
    number: flight.number,
    text: `${flight.date}  ${flight.origin} → ${flight.destination}  ${km} km  ${late}`,
  };
}

/** The number of departures, from the first, that the board took. */
async function post(departures: readonly Departure[]): Promise<number> {
  if (departures.length === 0) return 0;
  const response = await fetch(`http://${process.env['BOARD']}/departures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(departures),
  });
  if (!response.ok) throw new Error(`the board answers ${response.status}: ${await response.text()}`);
  const { accepted } = (await response.json()) as { accepted: number };
  return accepted;
}
