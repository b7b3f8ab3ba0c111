/** `millrace stream tail NAME`: records as NDJSON. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type TailFrom, type TailRecord, tailStream } from '../../connectors/redis-stream/tail.ts';
import { idMs, parsePosition, toSequenceNumber } from '../record.ts';
import { disconnect } from '../redis/connect.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, wholeNumber, withRedis } from './stream-target.ts';

const HELP = `
  $ millrace stream tail clicks                                   what comes from now on, until Ctrl-C
  $ millrace stream tail clicks --from TRIM_HORIZON --no-follow   everything that is there
  $ millrace stream tail clicks --from 2026-03-01T12:00:00Z --count 10
  $ millrace stream tail millrace:failures:clicks --from TRIM_HORIZON | jq .

One line per record: {"shardId","sequenceNumber","partitionKey","arrival","data"}. data is the record's JSON as it was
put, or text; bytes that are no text come as dataBase64. An entry without a field "data" has all its fields as data.
A shard's records come in their order, and after those of its parents. It reads beside the mappings and moves nothing.
${TARGET_HELP}`;

interface Options extends TargetOptions {
  readonly from: TailFrom;
  readonly shard?: string;
  readonly count?: number;
  readonly follow: boolean;
}

export function streamTailCommand(): Command {
  return addTargetOptions(new Command('tail'))
    .description("Print a stream's records as NDJSON.")
    .argument('<NAME>', 'a sharded stream, or the key of a plain one')
    .addOption(
      new Option('--from <POSITION>', 'TRIM_HORIZON, LATEST, a time (ISO 8601) or a sequence number')
        .argParser(parseFrom)
        .default({ kind: 'LATEST' }, 'LATEST'),
    )
    .option('--shard <SHARD>', 'only this shard')
    .option('--count <N>', 'end after so many records', wholeNumber)
    .option('--no-follow', 'end when everything that is there was printed')
    .addHelpText('after', HELP)
    .action(tail);
}

async function tail(name: string, { from, shard, count = Infinity, follow, ...target }: Options): Promise<void> {
  const controller = new AbortController();
  await withRedis(target, { writes: false }, async (redis, keys) => {
    // A read that waits for records ends with its connection.
    const stop = () => {
      controller.abort();
      disconnect(redis);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const options = {
      stream: name,
      from,
      follow,
      signal: controller.signal,
      ...(shard === undefined ? {} : { shardId: shard }),
    };
    let printed = 0;
    try {
      if (count === 0) return;
      for await (const record of tailStream(redis, keys, options)) {
        if (!process.stdout.write(`${formatRecord(record, name)}\n`)) await once(process.stdout, 'drain');
        if (++printed >= count) return;
      }
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      process.off('SIGINT', stop).off('SIGTERM', stop);
    }
  });
}

function parseFrom(text: string): TailFrom {
  if (text === 'TRIM_HORIZON' || text === 'LATEST') return { kind: text };
  const id = parsePosition(text);
  if (id !== undefined) return { kind: 'id', id };
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms) || ms < 0) {
    throw new InvalidArgumentError(
      'It is none of TRIM_HORIZON, LATEST, a time like 2026-03-01T12:00:00Z, a sequence number.',
    );
  }
  return { kind: 'id', id: `${ms}-0` };
}

const LATEST_DATE_MS = 8.64e15;

/** `stream`: the partition key of a record that has none (contract.md). */
function formatRecord({ shardId, id, fields }: TailRecord, stream: string): string {
  const named = new Map(fields);
  const ms = idMs(id);
  const head = JSON.stringify({
    shardId,
    sequenceNumber: toSequenceNumber(id),
    partitionKey: named.get('partitionKey')?.toString() ?? stream,
    arrival: ms <= LATEST_DATE_MS ? new Date(ms).toISOString() : null,
  });
  const data = named.get('data');
  return `${head.slice(0, -1)},${data ? formatData(data) : `"data":${JSON.stringify(wholeEntry(fields))}`}}`;
}

function wholeEntry(fields: TailRecord['fields']): Record<string, string> {
  return Object.fromEntries(fields.map(([name, value]) => [name, value.toString()]));
}

/** JSON goes out as it came in, digit by digit; only line feeds in it would break the line, so then it is written anew. */
function formatData(data: Buffer): string {
  if (!isUtf8(data)) return `"dataBase64":"${data.toString('base64')}"`;
  const text = data.toString();
  try {
    const value: unknown = JSON.parse(text);
    return `"data":${/[\r\n]/.test(text) ? JSON.stringify(value) : text}`;
  } catch {
    return `"data":${JSON.stringify(text)}`;
  }
}
