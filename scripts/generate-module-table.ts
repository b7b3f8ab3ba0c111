/** Writes the table of Node's modules in docs/handlers.md: `node scripts/generate-module-table.ts`. With `--check` it only tells whether that is needed; a test does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { NODE_MAJOR, withModuleTable } from './module-table.ts';

if (Number(process.versions.node.split('.')[0]) !== NODE_MAJOR)
  throw new Error(`the table has the members of Node ${NODE_MAJOR}: run it with .millrace/node`);
const file = new URL('../docs/handlers.md', import.meta.url);
const before = readFileSync(file, 'utf8');
const after = await withModuleTable(before);
if (!process.argv.includes('--check')) writeFileSync(file, after);
else if (before !== after)
  process.stdout.write('docs/handlers.md is behind: run node scripts/generate-module-table.ts\n');
process.exit(0);
