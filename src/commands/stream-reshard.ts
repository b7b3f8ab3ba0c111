/** `millrace stream split NAME SHARD` and `millrace stream merge NAME SHARD ADJACENT` */
import { Command } from 'commander';
import { mergeShards, type Reshard, splitShard } from '../../connectors/redis-stream/reshard.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

const AFTERWARDS = `
The closed shard takes no record any more; what it holds is still read, before its children are. Producers that write
to its key themselves get "exhausted the last possible ID" and have to describe again; \`stream put\` does so by itself.
${TARGET_HELP}`;

const SPLIT_HELP = `
  $ millrace stream split clicks shardId-000000000000
  $ millrace stream split clicks shardId-000000000000 --at 85070591730234615865843651857942052864
${AFTERWARDS}`;

const MERGE_HELP = `
  $ millrace stream merge clicks shardId-000000000001 shardId-000000000002

Only shards whose hash ranges touch can merge; \`millrace stream describe\` shows the ranges.
${AFTERWARDS}`;

function print(name: string, { closed, opened }: Reshard): void {
  process.stdout.write(`${name}: closed ${closed.join(', ')}; opened ${opened.join(', ')}\n`);
}

export function streamSplitCommand(): Command {
  return addTargetOptions(new Command('split'))
    .description('Close a shard and open two in its place.')
    .argument('<NAME>', 'a sharded stream')
    .argument('<SHARD>', 'an open shard of it')
    .option('--at <HASHKEY>', "first hash key of the upper child, decimal (default: the middle of the shard's range)")
    .addHelpText('after', SPLIT_HELP)
    .action(async (name: string, shard: string, options: TargetOptions & { readonly at?: string }) => {
      print(
        name,
        await withRedis(options, { writes: true }, (redis, keys) => splitShard(redis, keys, name, shard, options.at)),
      );
    });
}

export function streamMergeCommand(): Command {
  return addTargetOptions(new Command('merge'))
    .description('Close two adjacent shards and open one in their place.')
    .argument('<NAME>', 'a sharded stream')
    .argument('<SHARD>', 'an open shard of it')
    .argument('<ADJACENT>', 'the open shard whose hash range touches')
    .addHelpText('after', MERGE_HELP)
    .action(async (name: string, shard: string, adjacent: string, options: TargetOptions) => {
      print(
        name,
        await withRedis(options, { writes: true }, (redis, keys) => mergeShards(redis, keys, name, shard, adjacent)),
      );
    });
}
