/** Results that are kept in the tree: one small file per figure and day, of which docs/benchmarks.md is made. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Figure, Machine } from './report.ts';

export interface Result {
  readonly command: string;
  readonly machine: Machine;
  readonly figure: Figure;
}

export const RESULTS = new URL('../results/', import.meta.url);

export const commandLine = (): string => ['npm run bench --', ...process.argv.slice(2)].join(' ');

export async function saveResult(result: Result): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const file = fileURLToPath(new URL(`${result.machine.date.slice(0, 10)}-${result.figure.id}.json`, RESULTS));
  // As the tree is formatted.
  const text = await format(JSON.stringify(result), { ...(await resolveConfig(file)), filepath: file });
  await writeFile(file, text);
}
