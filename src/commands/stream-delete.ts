/** `millrace stream delete NAME --yes` */
import { Command } from 'commander';
import { deleteStream } from '../../connectors/redis-stream/manage.ts';
import { requireTopology } from '../../connectors/redis-stream/topology.ts';
import { MillraceError } from '../errors.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

const HELP = `
Without --yes it says what would be lost, and exits 1. Mappings that read the stream keep their state and wait.
${TARGET_HELP}`;

export function streamDeleteCommand(): Command {
  return addTargetOptions(new Command('delete'))
    .description('Delete a sharded stream with all its records.')
    .argument('<NAME>', 'a sharded stream')
    .option('--yes', 'really', false)
    .addHelpText('after', HELP)
    .action(async (name: string, options: TargetOptions & { readonly yes: boolean }) => {
      await withRedis(options, { writes: true }, async (redis, keys) => {
        if (!options.yes) throw await refusal(redis, keys, name);
        await deleteStream(redis, keys, name);
      });
      process.stdout.write(`deleted ${name}\n`);
    });
}

async function refusal(redis: Redis, keys: Keys, name: string): Promise<MillraceError> {
  const { shards } = await requireTopology(redis, keys, name);
  const lengths = await Promise.all(shards.map((shard) => redis.xlen(shard.key)));
  const readers = await Promise.all(shards.map((shard) => redis.smembers(keys.readers(shard.key))));
  const mappings = [...new Set(readers.flat())].sort();
  const records = lengths.reduce((sum, length) => sum + length, 0);
  const read = mappings.length === 0 ? 'no mapping reads it' : `read by ${mappings.join(', ')}`;
  return new MillraceError('usage', `this would delete ${name}: ${shards.length} shards, ${records} records, ${read}`, {
    hint: 'add --yes to do it',
  });
}
