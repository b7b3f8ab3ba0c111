/** Builds the prelude: the TypeScript of this directory → one script, kept in the cache by what it was made from. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../esbuild.ts';
import { MillraceError } from '../../errors.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Raise when the way of building changes. */
const RECIPE = '1';

/** The script's file. Built when it is not there yet (about 60 ms), else found by the hash of its sources (about 3 ms). */
export async function buildPrelude(cacheDir: string): Promise<{ path: string }> {
  const dir = path.join(cacheDir, 'prelude');
  const file = path.join(dir, `${await sourceHash()}.js`);
  if ((await stat(file).catch(() => null)) !== null) return { path: file };
  const code = await compile();
  await mkdir(dir, { recursive: true });
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, code);
  await rename(temporary, file);
  return { path: file };
}

async function compile(): Promise<string> {
  const extension = path.extname(fileURLToPath(import.meta.url));
  const result = await bundle({
    entry: `import ${JSON.stringify(`./prelude${extension}`)};\n`,
    root: HERE,
    format: 'iife',
    plugins: [],
    options: {
      // Smaller text is read faster. Names stay: users see those of classes and functions in errors and in what they print.
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: '"use strict";' },
    },
  });
  if (result.ok) return result.bundle.code;
  const [first] = result.problems;
  throw new MillraceError(
    'internal',
    `the sandbox's runtime does not compile: ${first!.file}:${first!.line}: ${first!.text}`,
  );
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256').update(RECIPE);
  const entries = await readdir(HERE, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash
      .update(path.relative(HERE, file))
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}
