/** `millrace stream create NAME` */
import { Command } from 'commander';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { RETENTION_HOURS_MAX, RETENTION_HOURS_MIN } from '../limits.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, wholeNumber, withRedis } from './stream-target.ts';

const HELP = `
  $ millrace stream create clicks                              one shard, records kept for 24 hours
  $ millrace stream create clicks --shards 8 --retention-hours 168

Creating it again with the same shards and retention changes nothing and succeeds, so that set-up scripts can run
twice. Choose the number of shards by how much work must go on side by side; it can be changed later (split, merge).
${TARGET_HELP}`;

interface Options extends TargetOptions {
  readonly shards: number;
  readonly retentionHours: number;
}

export function streamCreateCommand(): Command {
  return addTargetOptions(new Command('create'))
    .description('Create a sharded stream.')
    .argument('<NAME>', 'letters, digits, "_", "." and "-"')
    .option('--shards <N>', 'number of shards', wholeNumber, 1)
    .option(
      '--retention-hours <H>',
      `how long records are kept at least, ${RETENTION_HOURS_MIN} to ${RETENTION_HOURS_MAX}`,
      wholeNumber,
      RETENTION_HOURS_MIN,
    )
    .addHelpText('after', HELP)
    .action(async (name: string, options: Options) => {
      const { shards, retentionHours } = options;
      const created = await withRedis(options, { writes: true }, (redis, keys) =>
        createStream(redis, keys, name, { shards, retentionHours }),
      );
      const shape = `${shards} shard${shards === 1 ? '' : 's'}, retention ${retentionHours} h`;
      process.stdout.write(created ? `created ${name}: ${shape}\n` : `${name} was there already: ${shape}\n`);
    });
}
