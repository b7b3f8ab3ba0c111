/** Loaded by a daemon before anything else (`--import`): edits the engine's modules and scripts as they are read. */
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALL_WRONG_BUILDS } from './all-builds.ts';
import { editText } from './builds.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const build = ALL_WRONG_BUILDS.find(({ name }) => name === process.env['MILLRACE_TEST_WRONG_BUILD']);
if (!build) throw new Error('MILLRACE_TEST_WRONG_BUILD names no wrong build');

const edited = (file: string, text: string): string => editText(build, path.relative(root, file), text);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.startsWith('file:') || !loaded.source || !url.endsWith('.ts')) return loaded;
    return { ...loaded, source: edited(fileURLToPath(url), Buffer.from(loaded.source as Uint8Array).toString('utf8')) };
  },
});

const read = fs.readFileSync as (...args: unknown[]) => unknown;
fs.readFileSync = ((...args: unknown[]) => {
  const content = read(...args);
  const [file] = args;
  const name = file instanceof URL ? fileURLToPath(file) : String(file);
  return typeof content === 'string' && name.endsWith('.lua') ? edited(name, content) : content;
}) as typeof fs.readFileSync;
syncBuiltinESMExports();
