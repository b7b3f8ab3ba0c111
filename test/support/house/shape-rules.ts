/** Sizes, names, and what no file may hold. Each rule returns sentences; none is good. */
import path from 'node:path/posix';
import type { TextFile } from './files.ts';
import { roomOf } from './rooms.ts';
import type { SourceFile } from './syntax.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
export const MEDIAN_LINES_MAX = 130;

const ours = (file: TextFile) => roomOf(file.path).kind !== 'outside';

export function tooLong(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const long = file.lines > FILE_LINES_MAX ? [`${file.path} has ${file.lines} lines`] : [];
    // In tests a function is often a list: of cases, or of tests. Their files are bounded all the same.
    const functions = file.functions
      .filter((one) => one.lines > FUNCTION_LINES_MAX && !file.path.startsWith('test/'))
      .map((one) => `${file.path}:${one.line} ${one.name} has ${one.lines} lines`);
    return [...long, ...functions];
  });
}

export function medianLines(files: readonly SourceFile[]): number {
  const sizes = files.filter(ours).map((file) => file.lines);
  sizes.sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length / 2)] ?? 0;
}

export function wrongNames(files: readonly TextFile[]): string[] {
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
  return files.flatMap((file) => {
    const name = path.basename(file.path);
    if (/(^|\/)(utils?|helpers?|misc|common)(\/|\.)/.test(file.path)) return [`${file.path}: say what it is for`];
    if (name === 'index.ts') return [`${file.path}: a file is named after what it does`];
    return kebab.test(name.replace(/-N\.lua$/, '.lua')) ? [] : [`${file.path}: names are kebab-case`];
  });
}

/** Who may have which oddity (names as in syntax.ts). */
const PERMITTED: readonly { readonly oddity: RegExp; readonly where: RegExp }[] = [
  { oddity: /^console$/, where: /^(src\/commands\/|src\/sandbox\/(isolate|runtime)\/|bench\/|examples\/|scripts\/)/ },
  // vitest loads its configuration and reporters as default exports.
  { oddity: /^default export$/, where: /^(vitest\.config\.ts|scripts\/tally-reporter\.mjs)$/ },
  // Handlers as users write them.
  { oddity: /^(default export|console|any)$/, where: /^(test\/.*\/(functions|handlers|fixtures)\/)/ },
];

export function oddities(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const found = file.oddities.filter(
      ({ name }) => !PERMITTED.some(({ oddity, where }) => oddity.test(name) && where.test(file.path)),
    );
    const sentences = found.map(({ name, line }) => `${file.path}:${line} ${name}`);
    return file.onlyReexports ? [...sentences, `${file.path} only hands on what others export`] : sentences;
  });
}

const MARKERS = /\b(TODO|FIXME|XXX|HACK|WIP)\b|@ts-(ignore|nocheck)|eslint-disable/;

export function leftovers(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.comments.flatMap(({ text, line }) => {
      const marker = MARKERS.exec(text)?.[0];
      return marker === undefined ? [] : [`${file.path}:${line} ${marker}`];
    }),
  );
}

/** One atomic step per Lua file: the number of keys in its name (N where it varies), a header that tells KEYS, ARGV and what it returns. */
export function wrongScripts(files: readonly TextFile[]): string[] {
  return files
    .filter((file) => file.path.endsWith('.lua'))
    .flatMap((file) => {
      const arity = /-(\d+|N)\.lua$/.exec(file.path)?.[1];
      if (arity === undefined) return [`${file.path}: its name does not end with the number of keys`];
      const header = /^(#!lua.*\n)?((--.*\n)+)/.exec(file.text)?.[2] ?? '';
      const wanted = [/KEYS/, ...(/\bARGV\b/.test(withoutComments(file.text)) ? [/ARGV/] : []), /return/i];
      const silent = wanted
        .filter((word) => !word.test(header))
        .map((word) => `${file.path}: its header does not tell ${word.source}`);
      const code = withoutComments(file.text);
      const used = Math.max(0, ...[...code.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
      const others = /KEYS(?!\[\d+\])/.test(code);
      const right = arity === 'N' || used === Number(arity) || (others && used < Number(arity));
      const wrong = right ? [] : [`${file.path}: uses ${used} keys`];
      return [...silent, ...wrong];
    });
}

function withoutComments(lua: string): string {
  return lua.replaceAll(/--.*$/gm, '');
}

export function unusedErrorCodes(files: readonly SourceFile[], codes: readonly string[]): string[] {
  const used = new Set(
    files.filter((file) => ours(file) && file.path !== 'src/errors.ts').flatMap((file) => [...file.strings]),
  );
  return codes.filter((code) => !used.has(code)).map((code) => `src/errors.ts has ${code}, which nothing raises`);
}
