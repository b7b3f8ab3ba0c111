/** `millrace failures …`: what did not succeed. */
import { Command } from 'commander';
import { failuresListCommand } from './failures-list.ts';
import { failuresShowCommand } from './failures-show.ts';

const HELP = `
Records that are given up or expire leave a notice with the whole event, where destinationConfig.onFailure of their
mapping says: a Redis stream, millrace:failures:<mapping> unless another one is named, or a Kafka topic.

  $ millrace failures list --mapping clicks
  $ millrace failures show 1732370000000-0`;

export function failuresCommand(): Command {
  return new Command('failures')
    .description('See what did not succeed.')
    .addHelpText('after', HELP)
    .addCommand(failuresListCommand())
    .addCommand(failuresShowCommand());
}
