/** `millrace stream list` */
import { Command } from 'commander';
import { listStreams } from '../../connectors/redis-stream/manage.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

export function streamListCommand(): Command {
  return addTargetOptions(new Command('list'))
    .description('Print the names of all sharded streams of the namespace, one per line.')
    .option('--json', 'as a JSON list', false)
    .addHelpText('after', TARGET_HELP)
    .action(async (options: TargetOptions & { readonly json: boolean }) => {
      const names = await withRedis(options, { writes: false }, listStreams);
      process.stdout.write(options.json ? `${JSON.stringify(names)}\n` : names.map((name) => `${name}\n`).join(''));
    });
}
