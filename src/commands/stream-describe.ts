/** `millrace stream describe NAME` (contract.md, "Records of a Redis stream"). */
import { Command } from 'commander';
import { type DescribedStream, describeStream } from '../../connectors/redis-stream/describe.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

const HELP = `
  $ millrace stream describe clicks
  $ millrace stream describe clicks --json | jq -r '.shards[] | select(.state == "open") | .key'

A plain Redis stream is shown as its one shard. length counts the records that are there now.
${TARGET_HELP}`;

export function streamDescribeCommand(): Command {
  return addTargetOptions(new Command('describe'))
    .description("Print a stream's shards: keys, hash ranges, parents, records.")
    .argument('<NAME>', 'a sharded stream, or the key of a plain one')
    .option('--json', 'machine-readable', false)
    .addHelpText('after', HELP)
    .action(async (name: string, options: TargetOptions & { readonly json: boolean }) => {
      const stream = await withRedis(options, { writes: false }, (redis, keys) => describeStream(redis, keys, name));
      process.stdout.write(options.json ? jsonText(stream) : table(stream));
    });
}

/** Exactly the members that the contract names. */
function jsonText({ name, shards }: DescribedStream): string {
  return `${JSON.stringify({ name, shards }, null, 2)}\n`;
}

function table(stream: DescribedStream): string {
  const kind =
    stream.retentionHours === null ? 'plain Redis stream' : `sharded stream, retention ${stream.retentionHours} h`;
  const rows = [
    ['SHARD', 'STATE', 'RECORDS', 'FIRST HASH KEY', 'LAST HASH KEY', 'PARENTS', 'REDIS KEY'],
    ...stream.shards.map(({ shardId, state, length, hashKeyRange, parents, key }) => [
      ...[shardId, state, String(length), hashKeyRange.startingHashKey, hashKeyRange.endingHashKey],
      ...[parents.join(' ') || '-', key],
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return `${stream.name}: ${kind}\n${lines.join('\n')}\n`;
}
