/** `npm start`: the flights pipeline on `millrace dev`, with its board, and a summary that says whether every flight arrived. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startDev } from '../../src/commands/dev/start-dev.ts';
import { MillraceError } from '../../src/errors.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { startBoard } from './board.ts';
import { closedGates, fillStream, readFlights } from './fill.ts';
import { Ledger } from './ledger.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
const CONFIG = path.relative(process.cwd(), path.join(here, 'millrace.yaml'));

const HELP = `The flights pipeline: 20,000 real flights through a sharded stream and a sandboxed handler to a departures board.

  npm start                       until Ctrl-C
  npm start -- --until-drained    until every flight is settled

It uses a Redis of its own (or the one of REDIS_URL, in the namespace flights-demo) and begins anew each time.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'until-drained': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const flights = await readFlights();
  const ledger = new Ledger(closedGates(flights));
  const board = await startBoard(ledger);
  try {
    return await startDev({
      config: CONFIG,
      untilDrained: values['until-drained'],
      redis: process.env['REDIS_URL'] || undefined,
      ...{ stateDir: path.join(root, '.millrace', 'flights'), binaryDir: path.join(root, '.millrace'), fresh: true },
      env: { ...process.env, BOARD_ADDRESS: board.address },
      prepare: async (url, keys) => {
        const began = performance.now();
        await fillStream(url, keys, flights);
        const seconds = ((performance.now() - began) / 1_000).toFixed(1);
        console.log(
          `${flights.length.toLocaleString('en-US')} flights are in the stream "flights", 8 shards (${seconds} s).`,
        );
      },
      footer: () => [`board http://${board.address}/`],
      summary: (redis, keys) => boardSummary(ledger, redis, keys, flights.length),
    });
  } finally {
    await board.close();
  }
}

async function boardSummary(ledger: Ledger, redis: Redis, keys: Keys, expected: number): Promise<string[]> {
  const tally = ledger.tally();
  const givenUp = await givenUpFlights(redis, keys);
  const lost = tally.missing.filter((name) => !givenUp.includes(name));
  const arrived = `${tally.departures.toLocaleString('en-US')} of ${expected.toLocaleString('en-US')} flights from ${tally.airports} airports`;
  return [
    '  board',
    `    arrived   ${arrived}; ${tally.refused} times a gate was closed and the flight came again`,
    `    order     out of order ${tally.outOfOrder}, doubled ${tally.doubled}, lost ${lost.length}, given up ${givenUp.length} (${givenUp.join(', ') || 'none'})`,
    '',
    'Where to look next',
    '  examples/flights/        the handler, its mapping, the board',
    '  npm start                the same with its board and Redis left open: change handler.ts and watch',
    '  bin/millrace help        every verb; README.md: what is promised, and how',
  ];
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

try {
  // Connections that are still on their way to being closed must not keep it from ending.
  process.exit(await main());
} catch (error) {
  const known =
    error instanceof MillraceError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true;
  if (!known) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof MillraceError && error.hint !== undefined) console.error(`  ${error.hint}`);
  process.exitCode = error instanceof MillraceError ? error.exitCode : 1;
}
