/** `millrace failures …`: what did not succeed, and running it again. */
import { Command } from 'commander';
import { failuresListCommand } from './failures-list.ts';
import { failuresRedriveCommand } from './failures-redrive.ts';
import { failuresShowCommand } from './failures-show.ts';

const HELP = `
Records that are given up or expire leave a notice with the whole event, where destinationConfig.onFailure of their
mapping says: a Redis stream, millrace:failures:<mapping> unless another one is named, or a Kafka topic.

  $ millrace failures list --mapping clicks
  $ millrace failures show 1732370000000-0
  $ millrace failures redrive --mapping clicks --yes`;

export function failuresCommand(): Command {
  return new Command('failures')
    .description('See what did not succeed, and run it again.')
    .addHelpText('after', HELP)
    .addCommand(failuresListCommand())
    .addCommand(failuresShowCommand())
    .addCommand(failuresRedriveCommand());
}
