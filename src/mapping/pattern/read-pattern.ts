/** A filter pattern as it was written → Pattern, or what is wrong with it and where (esm-semantics.md §1.12). Pure. */
import { FILTER_PATTERN_CHARACTERS_MAX, FILTER_PATTERN_DEPTH_MAX } from '../../config-limits.ts';
import { messageOf } from '../../errors.ts';
import type { Leaf, Pattern } from '../../pattern.ts';
import { readTest } from './read-test.ts';
import { PatternFault, type Where } from './pattern-fault.ts';

interface Draft {
  readonly fields: Map<string, Draft | Leaf>;
  readonly either: (readonly Pattern[])[];
}

/**
 * `written`: an object, or JSON text of one as AWS takes it.
 * @throws PatternFault
 */
export function readPattern(written: unknown): Pattern {
  const value = typeof written === 'string' ? parsed(written) : written;
  const where: Where = typeof written === 'string' ? { path: [], inText: [] } : { path: [], inText: undefined };
  if (!isObject(value)) throw new PatternFault(where, 'must be an object', 'for example { data: { type: [ order ] } }');
  const length = typeof written === 'string' ? written.length : JSON.stringify(value).length;
  if (length > FILTER_PATTERN_CHARACTERS_MAX) {
    const limit = `a pattern has at most ${FILTER_PATTERN_CHARACTERS_MAX} characters as JSON`;
    throw new PatternFault(where, `has ${length} characters, and ${limit}`);
  }
  return readObject(value, where);
}

function parsed(text: string): unknown {
  if (text.length > FILTER_PATTERN_CHARACTERS_MAX) return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = messageOf(error);
    throw new PatternFault({ path: [], inText: [] }, `is text that is not JSON: ${reason}`, 'or write it as YAML');
  }
}

function readObject(value: Readonly<Record<string, unknown>>, where: Where): Pattern {
  const draft: Draft = { fields: new Map(), either: [] };
  fill(draft, value, where);
  return finished(draft);
}

function finished({ fields, either }: Draft): Pattern {
  return { fields: [...fields].map(([name, node]) => [name, 'tests' in node ? node : finished(node)]), either };
}

function fill(draft: Draft, value: Readonly<Record<string, unknown>>, where: Where): void {
  const entries = Object.entries(value);
  if (entries.length === 0)
    throw new PatternFault(where, 'must name at least one field', 'for example { type: [ order ] }');
  if (depth(where) > FILTER_PATTERN_DEPTH_MAX) throw new PatternFault(where, 'is nested too deeply');
  for (const [key, inner] of entries) {
    const below = step(where, key);
    if (key === '$or') draft.either.push(readEither(inner, below));
    else put(draft, key, inner, below);
  }
}

/** `a.b` and `a: { b }` are one field, also when both are written. */
function put(draft: Draft, key: string, value: unknown, where: Where): void {
  const dot = key.indexOf('.');
  // Each name before the last is one more object around it.
  if (key.split('.').length > FILTER_PATTERN_DEPTH_MAX) throw new PatternFault(where, 'is nested too deeply');
  const [name, rest] = dot > 0 && dot < key.length - 1 ? [key.slice(0, dot), key.slice(dot + 1)] : [key, undefined];
  if (rest === undefined && !isObject(value)) {
    draft.fields.set(name, readLeaf(value, where));
    return;
  }
  const have = draft.fields.get(name);
  const inner: Draft = have === undefined || 'tests' in have ? { fields: new Map(), either: [] } : have;
  if (rest === undefined) fill(inner, value as Record<string, unknown>, where);
  else put(inner, rest, value, where);
  draft.fields.set(name, inner);
}

function readEither(value: unknown, where: Where): readonly Pattern[] {
  if (!Array.isArray(value) || value.length < 2)
    throw new PatternFault(where, 'must be a list of at least two patterns', '{ $or: [ { a: [ 1 ] }, { b: [ 2 ] } ] }');
  return value.map((item: unknown, index) => {
    const below = step(where, index);
    if (!isObject(item)) throw new PatternFault(below, 'must be a pattern: an object');
    return readObject(item, below);
  });
}

function readLeaf(value: unknown, where: Where): Leaf {
  if (!Array.isArray(value)) {
    const written = JSON.stringify(value) ?? String(value);
    const hint = written.length <= 40 ? `write [ ${written} ]` : 'put it in brackets';
    throw new PatternFault(where, 'must be a list of values, or an object of further fields', hint);
  }
  if (value.length === 0) throw new PatternFault(where, 'must not be an empty list: nothing would match it');
  return { tests: value.map((item: unknown, index) => readTest(item, step(where, index))) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function step(where: Where, key: string | number): Where {
  return where.inText === undefined
    ? { path: [...where.path, key], inText: undefined }
    : { path: where.path, inText: [...where.inText, key] };
}

function depth(where: Where): number {
  return (where.inText ?? where.path).length;
}
