/** Who may import whom, and that everything exported and every file is of use. Each rule returns sentences; none is good. */
import { builtinModules } from 'node:module';
import { roomOf, VENDORS, wrongReach } from './rooms.ts';
import type { SourceFile } from './syntax.ts';

const ours = (file: SourceFile) => roomOf(file.path).kind !== 'outside';

export function wrongDirections(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) =>
    file.imports.flatMap(({ target, specifier, line }) => {
      if (target === null || target.endsWith('.json')) return [];
      if (!known.has(target))
        return [`${file.path}:${line} imports ${specifier}, which is no file (the extension is .ts)`];
      const wrong = wrongReach(file.path, target);
      return wrong === undefined ? [] : [`${file.path}:${line} imports ${target}: ${wrong}`];
    }),
  );
}

export function wrongPackages(files: readonly SourceFile[], dependencies: readonly string[]): string[] {
  const unplaced = dependencies
    .filter((name) => !(name in VENDORS))
    .map((name) => `package.json has ${name}, which has no place in VENDORS`);
  const misplaced = files.flatMap((file) =>
    file.imports.flatMap(({ target, specifier, line }) => {
      if (target !== null || specifier.startsWith('node:')) return [];
      const where = `${file.path}:${line} imports ${specifier}`;
      if (builtinModules.includes(specifier)) return [`${where}: write node:${specifier}`];
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (!ours(file)) return [];
      const place = VENDORS[name];
      if (place === undefined) return [`${where}: not a dependency of package.json`];
      return place.test(file.path) ? [] : [`${where}: its place is ${place.source}`];
    }),
  );
  return [...unplaced, ...misplaced];
}

/** Cycles, type imports included: each as the files on it. */
export function cycles(files: readonly SourceFile[]): string[] {
  const next = new Map(
    files.filter(ours).map((file) => [file.path, file.imports.flatMap(({ target }) => target ?? [])]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.push([...trail.slice(at), file].join(' → '));
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

/** Exports that no other file imports. Types that describe the rest of their own file are as good as used. */
export function unusedExports(files: readonly SourceFile[]): string[] {
  const used = new Map<string, Set<string>>();
  for (const file of files) {
    for (const { target, names } of [...file.imports, ...file.bundled]) {
      if (target === null) continue;
      const taken = used.get(target) ?? new Set();
      for (const name of names) taken.add(name);
      used.set(target, taken);
    }
  }
  return files.filter(ours).flatMap((file) => {
    const taken = used.get(file.path) ?? new Set();
    if (taken.has('*')) return [];
    return file.exports
      .filter(({ name, describes }) => !describes && !taken.has(name))
      .map(({ name, line }) => `${file.path}:${line} exports ${name}, which nobody imports`);
  });
}

/** Files that no program comes to: imported by tests alone, or by nothing. `entries` are the programs. */
export function deadFiles(files: readonly SourceFile[], entries: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const { target } of byPath.get(file)?.imports ?? []) if (target !== null) queue.push(target);
  }
  return files
    .filter((file) => ours(file) && !reached.has(file.path))
    .map((file) => `${file.path} is part of no program`);
}

/**
 * Programs: the command line, and every file that another one bundles, or starts by its path: its name, in a string of a file of ours,
 * is taken as such (`new URL('./child/main.ts', import.meta.url)`).
 */
export function programs(files: readonly SourceFile[]): string[] {
  const strings = new Set(files.filter(ours).flatMap((file) => [...file.strings]));
  const named = [...strings].flatMap(
    (text) => /([\w./-]+)\.(?:ts|js)$/.exec(text)?.[1]?.replace(/^(\.\.?\/)+/, '') ?? [],
  );
  const started = files.filter((file) => {
    const bare = file.path.replace(/\.ts$/, '');
    return ours(file) && named.some((name) => bare.endsWith(`/${name}`));
  });
  const outside = files.filter((file) => !ours(file) && !file.path.startsWith('test/'));
  const bundled = files.filter(ours).flatMap((file) => file.bundled.flatMap(({ target }) => target ?? []));
  return ['src/cli.ts', ...bundled, ...outside.map((file) => file.path), ...started.map((file) => file.path)];
}
