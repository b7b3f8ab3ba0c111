/**
 * `loadConfig`: files → resolved configuration, and every problem there is. Reads files and nothing else; runs no code.
 */
import { totalmem } from 'node:os';
import { checkFunction } from './check-function.ts';
import { checkConnection } from './check-connection.ts';
import { resolveMapping, viewMapping } from './check-mapping.ts';
import { checkRedisSecret } from './check-secrets.ts';
import { checkMap, reportUnknownKeys } from './check-value.ts';
import type { CheckContext, Declared } from './context.ts';
import { DEFAULT_NAMESPACE, DEFAULT_REDIS, configObject, settingsShape } from './fields.ts';
import type { Environment } from './interpolate.ts';
import { parseYaml } from './parse-yaml.ts';
import { type ConfigFile, readConfigFiles } from './read-files.ts';
import { Report } from './report.ts';
import { outputCycleFindings } from './output-cycles.ts';
import { ownServerFindings, Places } from './places.ts';
import { crossMappingFindings } from './rules.ts';
import { NAME_PATTERN, NAME_RULE } from './syntax.ts';
import { type MapNode, type Path, type TreeNode, nodeAt } from './tree.ts';
import type { Config, ConnectionConfig, FunctionConfig, LoadResult, Position } from './types.ts';
import { wrongType } from './wrong-type.ts';

export interface LoadOptions {
  /** For rules about time; default: now. */
  readonly nowMs?: number;
  /** Memory of this machine in bytes; default: what it has. */
  readonly memoryBytes?: number;
}

interface ParsedFile {
  readonly file: ConfigFile;
  readonly root: MapNode;
}

export function loadConfig(pathOrDir: string, env: Environment, options: LoadOptions = {}): LoadResult {
  const report = new Report();
  const { files, root } = readConfigFiles(pathOrDir, report);
  const context: CheckContext = {
    report,
    root,
    nowMs: options.nowMs ?? Date.now(),
    memoryBytes: options.memoryBytes ?? totalmem(),
    secrets: new Set(),
    hidden: new Set(),
  };
  const parsed = files.flatMap((file) => parseFile(file, env, report));
  const config = parsed.length === 0 ? noContent(files, report) : check(parsed, context);
  const problems = report.problems([...context.secrets, ...context.hidden]);
  const locate = (at: Path) => locateIn(parsed, at, pathOrDir);
  if (config === undefined || report.hasErrors()) return { problems, locate };
  return { config: config(), problems, locate };
}

function locateIn(parsed: readonly ParsedFile[], path: Path, given: string): Position {
  let found: Position = parsed[0]?.root.at ?? { file: given, line: 1, column: 1 };
  let deepest = 0;
  for (const { root } of parsed) {
    for (let length = path.length; length > deepest; length -= 1) {
      const node = nodeAt(root, path.slice(0, length));
      if (node === undefined) continue;
      const parent = nodeAt(root, path.slice(0, length - 1));
      const key = path[length - 1];
      // A map that lacks the field is named by its key, as everywhere in the diagnostics.
      const entry = parent?.kind === 'map' && typeof key === 'string' ? parent.entries.get(key) : undefined;
      found = length < path.length && entry !== undefined ? entry.keyAt : node.at;
      deepest = length;
    }
  }
  return found;
}

function parseFile(file: ConfigFile, env: Environment, report: Report): ParsedFile[] {
  const root = parseYaml(file.bytes, file.shown, env, report);
  if (root === undefined) return [];
  if (root.kind === 'map') return [{ file, root }];
  if (root.kind === 'list' || !root.broken) {
    report.add({
      path: [],
      at: root.at,
      ...wrongType(root, 'object', undefined),
      hint: 'begin with `functions:` and `mappings:`',
    });
  }
  return [];
}

function noContent(files: readonly ConfigFile[], report: Report): undefined {
  const first = files[0];
  if (first === undefined || report.hasErrors()) return undefined;
  const at = { file: first.shown, line: 1, column: 1 };
  report.add({
    code: 'empty-config',
    path: [],
    at,
    message: 'nothing is configured',
    hint: 'declare `functions:` and `mappings:`',
  });
  return undefined;
}

/** Reports everything; answers how to build the result, which may be called when nothing was an error. */
function check(parsed: readonly ParsedFile[], context: CheckContext): () => Config {
  const { report } = context;
  for (const { root } of parsed) reportUnknownKeys(root, configObject.def.shape, [], report);
  const settings = checkSettings(parsed, context);
  const functions = collect('functions', parsed, report);
  const mappings = collect('mappings', parsed, report);
  if (functions.length === 0 && mappings.length === 0)
    noContent(
      parsed.map(({ file }) => file),
      report,
    );
  const good = new Map<string, FunctionConfig>();
  for (const declared of functions) {
    const fn = checkFunction(declared, context);
    if (fn !== undefined) good.set(declared.name, fn);
  }
  const connections = collect('connections', parsed, report);
  const goodConnections = new Map<string, ConnectionConfig>();
  for (const declared of connections) {
    const connection = checkConnection(declared, context);
    if (connection !== undefined) goodConnections.set(declared.name, connection);
  }
  const known = {
    ...{ names: new Set(functions.map(({ name }) => name)), good },
    connections: { names: new Set(connections.map(({ name }) => name)), good: goodConnections },
  };
  const namespace = settings.namespace ?? DEFAULT_NAMESPACE;
  const views = mappings.map((declared) => viewMapping(declared, namespace, known, context));
  const redis = settings.redis ?? DEFAULT_REDIS;
  const places = new Places(redis, goodConnections);
  for (const finding of [
    ...crossMappingFindings(views),
    ...outputCycleFindings(views, places),
    ...ownServerFindings(views, places),
  ])
    report.add(finding);
  return () => ({
    ...{ namespace, redis },
    http: settings.http,
    functions: good,
    connections: goodConnections,
    mappings: new Map(views.map((view) => [view.declared.name, resolveMapping(view, context.root)])),
    secrets: [...context.secrets],
    files: parsed.map(({ file }) => file.absolute),
  });
}

interface Settings {
  readonly namespace?: string;
  readonly redis?: string;
  readonly http?: string;
}

/** Top-level values: each may be in one file only, so they are checked on one map made of all files' entries. */
function checkSettings(parsed: readonly ParsedFile[], context: CheckContext): Settings {
  const { report } = context;
  const entries = new Map<string, MapNode['entries'] extends ReadonlyMap<string, infer E> ? E : never>();
  for (const { root } of parsed) {
    for (const entry of root.entries.values()) {
      if (!Object.hasOwn(settingsShape, entry.key)) continue;
      const previous = entries.get(entry.key);
      if (previous === undefined) entries.set(entry.key, entry);
      else reportTwice(entry.key, [entry.key], entry.keyAt, previous.keyAt, context);
    }
  }
  const at: Position = parsed[0]!.root.at;
  checkRedisSecret(entries.get('redis')?.node, ['redis'], context);
  return checkMap(settingsShape, { kind: 'map', entries, at }, [], at, report) ?? {};
}

function reportTwice(
  name: string,
  path: string[],
  at: Position,
  previous: Position,
  context: Pick<CheckContext, 'report'>,
): void {
  const hint = `the first one is in ${previous.file}, line ${previous.line}`;
  context.report.add({ code: 'duplicate-name', path, at, message: `\`${name}\` is declared in two files`, hint });
}

function collect(
  section: 'connections' | 'functions' | 'mappings',
  parsed: readonly ParsedFile[],
  report: Report,
): Declared[] {
  const found = new Map<string, Declared>();
  for (const { file, root } of parsed) {
    const entry = root.entries.get(section);
    if (entry === undefined) continue;
    if (entry.node.kind !== 'map') {
      reportNotMap(section, entry.node, report);
      continue;
    }
    for (const { key, keyAt, node } of entry.node.entries.values()) {
      if (!NAME_PATTERN.test(key)) {
        report.add({ code: 'bad-name', path: [section, key], at: keyAt, message: `the name ${NAME_RULE}` });
      }
      const previous = found.get(key);
      if (previous === undefined) found.set(key, { name: key, node, keyAt, file });
      else reportTwice(key, [section, key], keyAt, previous.keyAt, { report });
    }
  }
  return [...found.values()];
}

function reportNotMap(section: string, node: TreeNode, report: Report): void {
  if (node.kind === 'scalar' && node.broken) return;
  report.add({ path: [section], at: node.at, ...wrongType(node, 'a map of names', undefined) });
}
