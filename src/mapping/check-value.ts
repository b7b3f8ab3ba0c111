/** One declared field against what was written: zod judges, and its findings become sentences at the right line and column. */
import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import type { Report } from './report.ts';
import { type Schema, bare, defaultOf, metaOf, shapeFor, step, typesWithKey } from './schema-walk.ts';
import { type MapNode, type Path, type Scalar, type TreeNode, isBroken, nodeAt, toData } from './tree.ts';
import type { Position } from './types.ts';
import { wrongType } from './wrong-type.ts';

type Issue = z.core.$ZodIssue;
type Shape = Readonly<Record<string, z.ZodType>>;
type Output<S extends Shape> = { -readonly [K in keyof S]?: z.output<S[K]> };

/** Checks every field of a map on its own, so that one bad field hides no other. Answers the good ones, defaults included. */
export function checkMap<S extends Shape>(
  shape: S,
  node: TreeNode,
  path: Path,
  at: Position,
  report: Report,
): Output<S> | undefined {
  if (node.kind !== 'map') {
    if (!isBroken(node)) report.add({ path, at: node.at, ...wrongType(node, 'object', undefined) });
    return undefined;
  }
  reportUnknownKeys(node, shape, path, report);
  const output: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const entry = node.entries.get(key);
    if (entry === undefined) {
      if (schema instanceof z.ZodExactOptional) continue;
      const absent = schema.safeParse(undefined);
      if (!absent.success) reportMissing(schema, [...path, key], at, report);
      else if (absent.data !== undefined) output[key] = absent.data;
    } else {
      const value = checkValue(schema, entry.node, [...path, key], report);
      if (value.ok && value.data !== undefined) output[key] = value.data;
    }
  }
  return output as Output<S>;
}

function checkValue(
  schema: z.ZodType,
  node: TreeNode,
  path: Path,
  report: Report,
): { ok: true; data: unknown } | { ok: false } {
  const first = schema.safeParse(toData(node));
  const typed = first.success ? node : coerceFromEnvironment(node, first.error.issues);
  const result = typed === node ? first : schema.safeParse(toData(typed));
  if (result.success) {
    warnOfLeadingZero(typed, path, report);
    return isBroken(typed) ? { ok: false } : { ok: true, data: result.data };
  }
  const judged = new Set<string>();
  for (const issue of result.error.issues) {
    // A value of the wrong type is not judged by its length or range as well.
    const place = JSON.stringify(issue.path);
    if (judged.has(place) && issue.code !== 'unrecognized_keys') continue;
    judged.add(place);
    reportIssue(issue, { schema, root: typed, path, report });
  }
  return { ok: false };
}

/** Shells and YAML 1.1 read 012 as ten; here it is twelve. Accepted, since it is a number, but said. */
function warnOfLeadingZero(node: TreeNode, path: Path, report: Report): void {
  if (node.kind !== 'scalar' || typeof node.value !== 'number' || !/^[-+]?0\d/.test(node.source)) return;
  const message = `YAML 1.2 reads ${node.source} as ${node.value}`;
  report.add({ severity: 'warning', code: 'leading-zero', path, at: node.at, message, hint: `write ${node.value}` });
}

interface Where {
  readonly schema: Schema;
  readonly root: TreeNode;
  readonly path: Path;
  readonly report: Report;
}

/** `batchSize: ${N}`: text by nature, but a number was meant. Only where no text is allowed, so that nothing is guessed. */
function coerceFromEnvironment(root: TreeNode, issues: readonly Issue[]): TreeNode {
  return issues.reduce((tree, issue) => {
    if (issue.code !== 'invalid_type' || !['number', 'int', 'boolean'].includes(issue.expected)) return tree;
    const node = nodeAt(tree, issue.path as Path);
    if (node?.kind !== 'scalar' || node.variables.length === 0 || typeof node.value !== 'string') return tree;
    const value = coreValue(node.value);
    return value === undefined ? tree : replaceAt(tree, issue.path as Path, { ...node, value });
  }, root);
}

function coreValue(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

function replaceAt(node: TreeNode, path: Path, value: Scalar): TreeNode {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item, index) => (index === key ? replaceAt(item, rest, value) : item)) };
  if (node.kind !== 'map' || typeof key !== 'string') return node;
  const entries = new Map(node.entries);
  const entry = entries.get(key);
  if (entry !== undefined) entries.set(key, { ...entry, node: replaceAt(entry.node, rest, value) });
  return { ...node, entries };
}

function reportIssue(issue: Issue, where: Where): void {
  const { root, path, report } = where;
  const at = issue.path as Path;
  const node = nodeAt(root, at);
  const full = [...path, ...at];
  if (node === undefined) return reportMissing(schemaAt(where, at), full, nearest(root, at), report);
  if (node.kind === 'scalar' && node.broken) return;
  const schema = schemaAt(where, at);
  if (issue.code === 'unrecognized_keys') {
    const shape = shapeFor(schema, node);
    if (node.kind === 'map' && shape !== undefined) reportUnknownKeys(node, shape, full, report, schema);
    return;
  }
  if (issue.code === 'invalid_key') {
    const keyAt = nodeAt(root, at.slice(0, -1));
    const entry = keyAt?.kind === 'map' ? keyAt.entries.get(String(at.at(-1))) : undefined;
    report.add({
      code: 'bad-name',
      path: full,
      at: entry?.keyAt ?? node.at,
      message: `the name ${issue.issues[0]?.message ?? 'is not allowed'}`,
    });
    return;
  }
  if (issue.code === 'invalid_union' && issue.discriminator === undefined) {
    const branch = issue.errors.find((issues) =>
      issues.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
    );
    if (branch !== undefined) {
      for (const inner of branch) reportIssue({ ...inner, path: [...issue.path, ...inner.path] }, where);
      return;
    }
  }
  report.add({ path: full, at: node.at, ...describe(issue, node, schema) });
}

function describe(
  issue: Issue,
  node: TreeNode,
  schema: Schema,
): { code: string; message: string; hint?: string | undefined } {
  const fault = (code: string, message: string, hint?: string) => ({
    code,
    message: withReferences(node, message),
    hint,
  });
  const empty = emptyValue(node, schema);
  if (empty !== undefined) return empty;
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(node, metaOf(schema)?.expects ?? issue.expected, metaOf(schema));
    case 'invalid_union':
      if (issue.discriminator !== undefined) return choice(node, (issue as { options?: unknown[] }).options ?? []);
      return wrongType(node, metaOf(schema)?.expects ?? 'something else', metaOf(schema));
    case 'invalid_value':
      return choice(node, issue.values);
    case 'custom': {
      const params = issue.params ?? {};
      return fault(
        String(params['code'] ?? 'bad-value'),
        `${issue.message}${shown(node, schema)}`,
        params['hint'] as string | undefined,
      );
    }
    case 'too_small':
    case 'too_big':
      return fault('out-of-range', `${issue.message}${shown(node, schema)}`);
    default:
      return fault('bad-value', `${issue.message}${shown(node, schema)}`);
  }
}

/** Nothing written, `~`, or an environment variable that is set but empty. */
function emptyValue(node: TreeNode, schema: Schema): { code: string; message: string; hint?: string } | undefined {
  if (node.kind !== 'scalar' || (node.value !== null && node.value !== '')) return undefined;
  const fallback = defaultOf(schema);
  if (node.variables.length > 0) {
    return {
      code: 'empty-value',
      message: `must not be empty, and ${node.source} is`,
      hint: 'set the variable, or write ${VAR:-default}',
    };
  }
  const message = node.value === '' ? 'must not be empty' : 'has no value';
  if (fallback === undefined) return { code: 'empty-value', message };
  const text = JSON.stringify(fallback);
  return { code: 'empty-value', message, hint: `write a value, or remove the line: the default is ${text}` };
}

function choice(node: TreeNode, values: readonly unknown[]): { code: string; message: string; hint?: string } {
  const known = values.map(String);
  if (node.kind !== 'scalar') return wrongType(node, 'one word', undefined);
  const written = node.variables.length > 0 ? node.source : String(node.value);
  const list =
    known.length === 1
      ? `must be \`${known[0]}\``
      : `must be one of ${known.map((value) => `\`${value}\``).join(', ')}`;
  const meant = node.variables.length > 0 ? undefined : didYouMean(written, known);
  const message = `${list}; it is \`${clip(written)}\``;
  return { code: 'unknown-value', message, ...(meant === undefined ? {} : { hint: `did you mean \`${meant}\`?` }) };
}

/** The offending text, where nothing of it can be a secret. */
function shown(node: TreeNode, schema: Schema): string {
  if (node.kind !== 'scalar' || node.variables.length > 0 || metaOf(schema)?.secret === true) return '';
  if (typeof node.value === 'number') return `; it is ${node.value}`;
  // An "@" may end the credentials of a URL.
  return typeof node.value === 'string' && !node.value.includes('@')
    ? `; it is ${JSON.stringify(clip(node.value))}`
    : '';
}

function withReferences(node: TreeNode, message: string): string {
  return node.kind === 'scalar' && node.variables.length > 0
    ? `${message} (the value comes from ${clip(node.source)})`
    : message;
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function schemaAt(where: Where, path: Path): Schema {
  let schema: Schema = where.schema;
  path.forEach((key, depth) => {
    schema = step(schema, key, nodeAt(where.root, path.slice(0, depth))) ?? schema;
  });
  return schema;
}

/** Where a missing key would have been: the nearest thing above it that exists. */
function nearest(root: TreeNode, path: Path): Position {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const node = nodeAt(root, path.slice(0, length));
    if (node !== undefined) return node.at;
  }
  return root.at;
}

function reportMissing(schema: Schema, path: Path, at: Position, report: Report): void {
  const example = metaOf(schema)?.example;
  const key = path.at(-1);
  const inner = bare(schema);
  const values = inner instanceof z.ZodEnum ? `: ${Object.values(inner.def.entries).join(', ')}` : '';
  const hint = example === undefined || key === undefined ? undefined : `for example \`${key}: ${example}\``;
  report.add({ code: 'missing-field', path, at, message: `\`${key ?? ''}\` is required${values}`, hint });
}

export function reportUnknownKeys(
  node: MapNode,
  shape: Readonly<Record<string, Schema>>,
  path: Path,
  report: Report,
  parent?: Schema,
): void {
  for (const { key, keyAt } of node.entries.values()) {
    if (Object.hasOwn(shape, key)) continue;
    const elsewhere = parent === undefined ? [] : typesWithKey(parent, key);
    const hint =
      elsewhere.length > 0 ? `\`${key}\` belongs to \`type: ${elsewhere.join('` or `')}\`` : unknownKeyHint(key, shape);
    report.add({
      code: 'unknown-key',
      path: [...path, key],
      at: keyAt,
      message: `\`${clip(key)}\` is not known here`,
      hint,
    });
  }
}

function unknownKeyHint(key: string, shape: Readonly<Record<string, Schema>>): string {
  const known = Object.keys(shape);
  const called = known.find((name) =>
    metaOf(shape[name]!)?.alsoCalled?.some((other) => other.toLowerCase() === key.toLowerCase()),
  );
  const meant = didYouMean(key, known) ?? called;
  return meant === undefined ? `known are ${known.join(', ')}` : `did you mean \`${meant}\`?`;
}
