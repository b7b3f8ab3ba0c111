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
  let reason: unknown;
  for (const record of event.Records) {
    try {
      departures.push(enrich(decode(record)));
    } catch (error) {
      reason = error;
      break;
    }
  }
  const { accepted, refused } = await post(departures);
  if (refused !== undefined) reason = new Error(refused);
  if (reason === undefined) return { batchItemFailures: [] };
  // Nothing of the batch is done: the error says why. Else the first record that is not done is named, and will be the next batch's first.
  if (accepted === 0) throw reason;
  return { batchItemFailures: [{ itemIdentifier: event.Records[accepted]!.kinesis.sequenceNumber }] };
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

/** What the board says: how many departures it took, from the first, and why not the next one. */
async function post(departures: readonly Departure[]): Promise<{ accepted: number; refused?: string }> {
  if (departures.length === 0) return { accepted: 0 };
  const response = await fetch(`http://${process.env['BOARD']}/departures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(departures),
  });
  if (!response.ok) throw new Error(`the board answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as { accepted: number; refused?: string };
}
