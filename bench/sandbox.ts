/**
 * `npm run bench:sandbox`: the sandbox alone, without a daemon and without Redis, beside a second system in the same run.
 *
 *   npm run bench:sandbox -- --quick                     does it run, and roughly where (under a minute)
 *   npm run bench:sandbox -- --only cold,warm --repeats 5 --json figures.json
 */
import { writeFileSync } from 'node:fs';
import { among, flagsOf, whole } from '../test/support/by-hand.ts';
import { coldStarts } from './figures/cold-start.ts';
import { hardeningCosts } from './figures/hardening.ts';
import { sandboxMemory } from './figures/sandbox-memory.ts';
import { sandboxThroughput } from './figures/sandbox-throughput.ts';
import { warmInvocations } from './figures/warm.ts';
import type { Options } from './support/options.ts';
import { type Figure, machine, machineLine, table } from './support/report.ts';

const FIGURES: Readonly<Record<string, (options: Options) => Promise<Figure>>> = {
  cold: coldStarts,
  warm: warmInvocations,
  throughput: sandboxThroughput,
  memory: sandboxMemory,
  hardening: hardeningCosts,
};

const { values: flags } = flagsOf({
  options: {
    only: { type: 'string', default: Object.keys(FIGURES).join(',') },
    repeats: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const repeats = whole(flags.repeats ?? (flags.quick ? '1' : '3'), 'repeats');
const ids = among(flags.only, 'figure', Object.keys(FIGURES));

const options: Options = {
  ...{ repeats, quick: flags.quick, records: 0, kills: 0, shards: 0 },
  ...{ seconds: 0, peers: [], kinds: [], batches: [] },
  progress: (text) => void process.stderr.write(`  ${text}\n`),
};
const about = machine(null);
process.stdout.write(`${machineLine(about)}\n\n`);
const figures: Figure[] = [];
for (const id of ids) {
  figures.push(await FIGURES[id]!(options));
  process.stdout.write(`${table(figures.at(-1)!)}\n`);
  // After each, so that a run that is cut off keeps what it has.
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ machine: about, figures }, null, 2)}\n`);
}
process.exit(0);
