/** `millrace dev`: everything in one process tree, for the desk (product.md, "Command line"). */
import { Command } from 'commander';

interface Options {
  readonly config: string;
  readonly untilDrained: boolean;
  readonly redis?: string;
}

const HELP = `
Poller, executor and a Redis of its own, with a live view of every shard: position, rate, lag, and what is blocked and
why. Code and configuration are read again when they change; positions stay, and a record that is blocked is tried
with the new code at once.

  $ millrace dev                           millrace.yaml; the Redis keeps its data in .millrace/ beside it
  $ millrace dev --until-drained           ends when every record is settled; for scripts, with or without a terminal
  $ millrace dev --redis redis://host:6379 on a Redis that runs already

The line at the bottom says where its Redis is. To fill a stream, or to look closer, in another terminal:
  $ millrace stream put clicks --redis redis://127.0.0.1:PORT < clicks.ndjson
  $ REDIS_URL=redis://127.0.0.1:PORT millrace status

Ctrl-C lets what is in flight finish; a second one ends it at once.`;

export function devCommand(): Command {
  return new Command('dev')
    .description('Run everything here, on a Redis of its own, and watch it.')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--until-drained', 'end when every record is settled', false)
    .option('--redis <URL>', 'work on this Redis instead of one of its own')
    .addHelpText('after', HELP)
    .action(async ({ config, untilDrained, redis }: Options) => {
      // Most of Millrace: not needed to explain the command.
      const { startDev } = await import('./dev/start-dev.ts');
      // Connections that are still on their way to being closed must not keep it from ending.
      process.exit(await startDev({ config, untilDrained, redis, env: process.env }));
    });
}
