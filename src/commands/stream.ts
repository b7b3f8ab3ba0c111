/** `millrace stream …`: sharded Redis streams. */
import { Command } from 'commander';
import { streamCreateCommand } from './stream-create.ts';
import { streamDeleteCommand } from './stream-delete.ts';
import { streamDescribeCommand } from './stream-describe.ts';
import { streamListCommand } from './stream-list.ts';
import { streamPutCommand } from './stream-put.ts';
import { streamMergeCommand, streamSplitCommand } from './stream-reshard.ts';
import { streamTailCommand } from './stream-tail.ts';

const HELP = `
A sharded stream is several Redis streams, its shards, under one name. The MD5 of a record's partition key says which
shard it belongs to, as in Kinesis: records of one key stay in order, shards are worked on side by side. Shards split
and merge while the stream is in use; children are read once their parents are settled. Records are kept for the
retention (24 h unless set otherwise), and longer while a mapping has not settled them.

  $ millrace stream create clicks --shards 8
  $ cat clicks.ndjson | millrace stream put clicks --partition-key userId
  $ millrace stream describe clicks
  $ millrace stream tail clicks --from TRIM_HORIZON --count 10

Any Redis client can write: take a shard's key from \`describe --json\`, then
  XADD key NOMKSTREAM * partitionKey K data D
An error "exhausted the last possible ID" means that the shard was closed, a nil reply that its key was deleted:
describe again.`;

export function streamCommand(): Command {
  return new Command('stream')
    .description('Create, fill, watch and reshard sharded Redis streams.')
    .addHelpText('after', HELP)
    .addCommand(streamCreateCommand())
    .addCommand(streamPutCommand())
    .addCommand(streamDescribeCommand())
    .addCommand(streamListCommand())
    .addCommand(streamTailCommand())
    .addCommand(streamSplitCommand())
    .addCommand(streamMergeCommand())
    .addCommand(streamDeleteCommand());
}
