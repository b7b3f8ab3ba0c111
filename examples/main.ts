/** `npm start`: the flights; `npm start -- NAME`: another example. */
import { parseArgs } from 'node:util';
import { MillraceError } from '../src/errors.ts';
import { exactlyOnce } from './exactly-once/example.ts';
import { flights } from './flights/example.ts';
import { orders } from './orders/example.ts';
import { readModel } from './read-model/example.ts';
import { type Example, runExample } from './run-example.ts';
import { uploads } from './uploads/example.ts';

const EXAMPLES: Readonly<Record<string, Example>> = {
  flights,
  uploads,
  'read-model': readModel,
  orders,
  'exactly-once': exactlyOnce,
};

const HELP = `Examples, each with its README in examples/NAME:

${Object.entries(EXAMPLES)
  .map(([name, { about }]) => `  ${name.padEnd(14)}${about}`)
  .join('\n')}

  npm start                       flights, until Ctrl-C
  npm start -- --until-drained    flights, until every flight is settled
  npm start -- NAME               another one, to its end; exit code 1 when its result is wrong

Each uses a Redis of its own (or the one of REDIS_URL, in a namespace of its own) and begins anew each time.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'until-drained': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name = 'flights', ...more] = positionals;
  const example = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (example === undefined || more.length > 0) {
    console.error(`There is no example "${positionals.join(' ')}".\n\n${HELP}`);
    return 1;
  }
  return runExample(name, example, values['until-drained']);
}

try {
  // Connections that are still on their way to being closed must not keep it from ending.
  process.exit(await main());
} catch (error) {
  const known =
    error instanceof MillraceError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true;
  if (!known) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof MillraceError && error.hint !== undefined) console.error(`  ${error.hint}`);
  process.exitCode = error instanceof MillraceError ? error.exitCode : 1;
}
