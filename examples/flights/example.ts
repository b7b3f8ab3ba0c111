/** The flights pipeline on `millrace dev`, with its board, and a summary that says whether every flight arrived. */
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { fillStream } from '../fill-stream.ts';
import type { Example, OpenExample, Verdict } from '../run-example.ts';
import { startBoard } from './board.ts';
import { closedGates, type NumberedFlight, readFlights, SHARDS } from './fill.ts';
import { judgeFlights } from './judge.ts';
import { Ledger } from './ledger.ts';

export const flights: Example = {
  about: '20,000 real flights through 8 shards and a sandboxed handler to a departures board',
  staysOpen: true,
  open,
};

const NEXT = [
  '',
  'Where to look next',
  '  examples/flights/        the handler, its mapping, the board',
  '  npm start                the same with its board and Redis left open: change handler.ts and watch',
  '  bin/millrace help        every verb; README.md: what is promised, and how',
];

async function open(): Promise<OpenExample> {
  const all = await readFlights();
  const ledger = new Ledger(closedGates(all));
  const board = await startBoard(ledger);
  return {
    env: { BOARD_ADDRESS: board.address },
    prepare: async (url, keys) => {
      const began = performance.now();
      const records = all.map((flight) => ({ key: flight.origin, data: flight }));
      await fillStream(url, keys, { stream: 'flights', shards: SHARDS, records });
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      console.log(
        `${all.length.toLocaleString('en-US')} flights are in the stream "flights", 8 shards (${seconds} s).`,
      );
    },
    footer: () => [`board http://${board.address}/`],
    judge: (redis, keys) => judge(all, ledger, redis, keys),
    close: () => board.close(),
  };
}

async function judge(all: readonly NumberedFlight[], ledger: Ledger, redis: Redis, keys: Keys): Promise<Verdict> {
  const { refused } = ledger.tally();
  const givenUp = await givenUpFlights(redis, keys);
  const { lines, wrong } = judgeFlights(all, { departures: ledger.journal, givenUp, refused });
  return { lines: [...lines, ...NEXT], wrong };
}

/** The flights of the failure notices, from the events that the notices carry. */
async function givenUpFlights(redis: Redis, keys: Keys): Promise<string[]> {
  const entries = await redis.xrange(keys.failures('departures'), '-', '+', 'COUNT', 1_000);
  return entries.flatMap(([, fields]) => {
    const notice = JSON.parse(fields[fields.indexOf('notice') + 1]!) as { payload?: string };
    const event = JSON.parse(notice.payload ?? '{"Records":[]}') as { Records: { kinesis: { data: string } }[] };
    return event.Records.map(({ kinesis }) => {
      const flight = JSON.parse(Buffer.from(kinesis.data, 'base64').toString('utf8')) as {
        origin: string;
        number: number;
      };
      return `${flight.origin} ${flight.number}`;
    });
  });
}
