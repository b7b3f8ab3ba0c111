/** argv → verb → exit code. Verbs live in commands/, one per file, and are loaded only when asked for: `--help` stays quick. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { ERRORS, MillraceError } from './errors.ts';
import { VERSION } from './version.ts';

interface Verb {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** What verbs leave to be ended, also after an error. */
const atEnd: (() => Promise<void>)[] = [];

const VERBS: readonly Verb[] = [
  {
    name: 'dev',
    summary: 'run everything here, on a Redis of its own, and watch it',
    load: async () => (await import('./commands/dev.ts')).devCommand(),
  },
  {
    name: 'start',
    summary: 'run a daemon: watch streams, take turns, run functions',
    load: async () => (await import('./commands/start.ts')).startCommand(),
  },
  {
    name: 'validate',
    summary: 'report every problem of the configuration at once',
    load: async () => {
      const { command, close } = (await import('./commands/validate-code.ts')).validateWithCode();
      atEnd.push(close);
      return command;
    },
  },
  {
    name: 'invoke',
    summary: 'run one event through the sandbox',
    load: async () => (await import('./commands/invoke.ts')).invokeCommand(),
  },
  {
    name: 'stream',
    summary: 'create, fill, watch and reshard sharded Redis streams',
    load: async () => (await import('./commands/stream.ts')).streamCommand(),
  },
  {
    name: 'status',
    summary: 'show positions, lag, and what is blocked and why',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'failures',
    summary: 'list, show and redrive what did not succeed',
    load: async () => (await import('./commands/failures.ts')).failuresCommand(),
  },
  {
    name: 'mapping',
    summary: 'act on a mapping as all daemons know it',
    load: async () => (await import('./commands/mapping.ts')).mappingCommand(),
  },
  {
    name: 'audit',
    summary: 'show who acted on the mappings, and when',
    load: async () => (await import('./commands/audit.ts')).auditCommand(),
  },
];

const ABOUT =
  'Event source mappings you run yourself: every shard of a stream in order, through a sandboxed function, ' +
  'and not past a record until it succeeded or expired.';

const EXAMPLES = `
Begin with
  $ millrace dev                       run millrace.yaml here, on a Redis of its own, and watch it work
  $ millrace validate                  every problem of the configuration, with file, line and column
  $ millrace invoke enrich --event e.json    one event through the sandbox

In production
  $ millrace start --role poller,executor    any number of these, on any number of hosts
  $ millrace status --watch            positions, lag, and what is blocked and why

Every verb takes -c, --config PATH (default: millrace.yaml) and explains itself: millrace help VERB.
Exit codes: 0 done, 1 the input is wrong, 2 it could not run, 130/143 ended by a signal before the drain was complete.`;

async function program(argv: readonly string[]): Promise<Command> {
  const root = new Command('millrace')
    .description(ABOUT)
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [VERB]', 'explain a verb')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError(true);
  const words = argv.filter((word) => !word.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const verb of VERBS) {
    const command = verb.name === wanted ? await verb.load() : new Command(verb.name);
    root.addCommand(command.summary(verb.summary));
  }
  settle(root);
  return root;
}

/** Errors come back to us instead of ending the process; wrong usage points at the help. */
function settle(command: Command): void {
  command.exitOverride();
  command.configureOutput({
    outputError: (text, write) => write(`millrace: ${text.replace(/^error: /, '')}`),
  });
  command.showHelpAfterError(`  See: millrace ${command.name() === 'millrace' ? '' : `${pathOf(command)} `}--help`);
  for (const sub of command.commands) settle(sub);
}

function pathOf(command: Command): string {
  const above = command.parent;
  return above === null || above.name() === 'millrace' ? command.name() : `${pathOf(above)} ${command.name()}`;
}

/** What the user is told of an error, and the exit code. Never a stack: a defect's goes to a file, which is named. */
function report(error: unknown): number {
  // commander has written its own sentence (or the help, or the version) already.
  if (error instanceof CommanderError) return error.exitCode === 0 || error.code === 'commander.help' ? 0 : 1;
  if (error instanceof MillraceError && error.code !== 'internal') {
    process.stderr.write(`millrace: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const [first] = (error instanceof Error ? error.message : text).split('\n');
  process.stderr.write(`millrace: this is a defect of Millrace: ${first}\n  ${keepDetails(text)}\n`);
  return ERRORS.internal.exit;
}

function keepDetails(text: string): string {
  const file = path.join(tmpdir(), `millrace-defect-${Date.now()}-${process.pid}.log`);
  try {
    const about = `millrace ${VERSION}, node ${process.version}, ${process.platform}/${process.arch}\n`;
    writeFileSync(file, `${about}${process.argv.slice(2).join(' ')}\n${text}\n`, { mode: 0o600 });
    return `Please report it with ${file}`;
  } catch {
    return 'Please report it; its details could not be written to the temporary directory.';
  }
}

/** A reader that went away (`millrace status | head`) is no error. The daemon's log has its own stream and goes on. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : report(error));
});
process.stderr.on('error', () => undefined);

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => process.exit(report(error)));
}

try {
  const argv = process.argv.slice(2);
  const root = await program(argv);
  if (argv.length === 0) root.outputHelp();
  else await root.parseAsync(argv, { from: 'user' });
} catch (error) {
  process.exitCode = report(error);
} finally {
  for (const end of atEnd) await end();
}
