/** `millrace stream …` as a process of its own, with the command line's rules for errors and exit codes. */
import { Command, CommanderError } from 'commander';
import { streamCommand } from '../../src/commands/stream.ts';
import { MillraceError } from '../../src/errors.ts';

function settle(command: Command): Command {
  command.exitOverride();
  command.commands.forEach(settle);
  return command;
}

try {
  await settle(new Command('millrace').addCommand(streamCommand())).parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 1;
  } else if (error instanceof MillraceError) {
    process.stderr.write(`millrace: ${error.message}\n  ${error.hint ?? ''}\n`);
    process.exitCode = error.exitCode;
  } else {
    throw error;
  }
}
