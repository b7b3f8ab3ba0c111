/** `millrace mapping …`. Here: `apply | forget`, what a mapping is to all daemons (product.md, "Namespaces and mappings"). */
import { Command } from 'commander';
import { cacheDirOf, loadFunctions } from '../daemon/functions.ts';
import { forgetMapping } from '../daemon/forget.ts';
import { registerMapping } from '../daemon/registry.ts';
import { MillraceError } from '../errors.ts';
import { requireConfig } from '../mapping/require-config.ts';
import { silentLog } from '../observe/log.ts';
import { connectRedis, type Redis } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';
import { mappingPauseCommand, mappingResumeCommand } from './mapping-pause.ts';
import { mappingRewindCommand } from './mapping-rewind.ts';
import { mappingSkipCommand } from './mapping-skip.ts';
import { mappingNamed } from './mapping-target.ts';

interface Options {
  readonly config: string;
  readonly yes?: boolean;
}

export function mappingCommand(): Command {
  const command = new Command('mapping').description('Act on a mapping as all daemons know it.');
  command.addCommand(mappingPauseCommand());
  command.addCommand(mappingResumeCommand());
  command.addCommand(mappingRewindCommand());
  command.addCommand(mappingSkipCommand());
  command
    .command('apply')
    .description('Make the pinned fields of this file the ones that daemons run the mapping with.')
    .argument('<MAPPING>')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .addHelpText(
      'after',
      '\nDaemons whose file differs in a pinned field stop taking its turns and say config-conflict.',
    )
    .action((name: string, options: Options) => apply(name, options));
  command
    .command('forget')
    .description('Remove the state of a mapping, its positions and its consumer groups. Records stay.')
    .argument('<MAPPING>')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--yes', 'do it; without it, say what would go')
    .addHelpText(
      'after',
      '\nA mapping of that name then begins at its startingPosition again. Its failure stream is kept.',
    )
    .action((name: string, options: Options) => forget(name, options));
  return command;
}

async function apply(name: string, options: Options): Promise<void> {
  const config = requireConfig(options.config, process.env);
  const mapping = mappingNamed(config, name);
  const versions = await loadFunctions(config, cacheDirOf(config));
  await withRedis(config, async (redis, keys) => {
    const record = {
      ...{ name, pinned: JSON.stringify(mapping.pinned), source: mapping.source, output: mapping.output },
      ...{
        function: mapping.function,
        functionVersion: versions.get(mapping.function)!.hash,
        enabled: mapping.enabled,
        configHash: mapping.configHash,
      },
    };
    const registered = await registerMapping(redis, keys, record, () => true, true);
    if (registered.kind !== 'ok') {
      throw new MillraceError('source-conflict', `the name ${name} belongs to another source: ${registered.stored}`, {
        hint: `use a new name, or remove the old mapping with: millrace mapping forget ${name} --yes`,
      });
    }
  });
  process.stdout.write(`${name}: applied. Daemons with the same fields serve it within a second.\n`);
}

async function forget(name: string, options: Options): Promise<void> {
  const config = requireConfig(options.config, process.env);
  await withRedis(config, async (redis, keys) => {
    const found = await forgetMapping({ redis, keys, log: silentLog }, name, options.yes === true);
    if (!found) throw notFound(name, 'Redis holds no mapping of that name');
    const what = `${found.shards} shard${found.shards === 1 ? '' : 's'} of ${name}`;
    if (options.yes) process.stdout.write(`forgot ${what}. Its failure stream is kept.\n`);
    else {
      process.stdout.write(`would forget the positions of ${what}; repeat with --yes to do it.\n`);
      process.exitCode = 1;
    }
  });
}

function notFound(name: string, why: string): MillraceError {
  return new MillraceError('mapping-not-found', `mapping ${name}: ${why}`, {
    hint: 'millrace status lists the mappings',
  });
}

async function withRedis(
  config: { readonly redis: string; readonly namespace: string },
  work: (redis: Redis, keys: Keys) => Promise<void>,
): Promise<void> {
  const redis = await connectRedis(config.redis, { role: 'cli' });
  try {
    await work(redis, new Keys(config.namespace));
  } finally {
    redis.disconnect();
  }
}
