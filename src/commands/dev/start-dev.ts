/** runDev with the parts of this process: its terminal, and a daemon in it. For the command, and for the demo. */
import { styleText } from 'node:util';
import { openDaemon } from '../../daemon/open-daemon.ts';
import { TURNS_PER_MAPPING } from '../../limits.ts';
import { createLogger } from '../../observe/logger.ts';
import { logLineText } from './log-line.ts';
import { type DevOptions, runDev } from './run.ts';
import { Screen } from './screen.ts';

/** Resolves with the exit code. */
export async function startDev(options: DevOptions): Promise<number> {
  const screen = new Screen(process.stdout);
  const write = (line: string) => {
    const text = logLineText(line);
    if (text !== null) screen.log(text);
  };
  return runDev(options, {
    screen,
    // Honours NO_COLOR, and a standard output that is no terminal.
    paint: (style, text) => styleText(style, text, { stream: process.stdout }),
    openLog: (secrets) => createLogger({ level: 'info', secrets, write }),
    startDaemon: (config, log) =>
      openDaemon({ config, roles: ['poller', 'executor'], log, http: config.http, concurrency: TURNS_PER_MAPPING }),
  });
}
