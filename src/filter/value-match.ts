/**
 * A pattern → a function of a JSON value (esm-semantics.md §1.12). A list matches when one of its elements does; so conditions on objects
 * in a list must hold in one of them together. Undefined stands for what is not there.
 */
import { FILTER_LISTS_DEPTH_MAX } from '../limits.ts';
import { isLeaf, type Leaf, type Pattern } from '../pattern.ts';
import { anyOf, type Matches, scalarTest } from './scalar-test.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export function valueMatch(node: Pattern | Leaf): Matches {
  return isLeaf(node) ? leafMatch(node) : objectMatch(node);
}

function leafMatch({ tests }: Leaf): Matches {
  // What exists is a value: an object around values is none, nor is a list without any.
  const present = tests.some((test) => test.op === 'exists' && test.present);
  const absent = tests.some((test) => test.op === 'exists' && !test.present);
  const one = anyOf(tests.flatMap((test) => (test.op === 'exists' ? [] : [scalarTest(test)])));
  const scalar: Matches = present ? () => true : one;
  return (value) => {
    if (value === undefined) return absent;
    if (typeof value !== 'object' || value === null) return scalar(value);
    if (!Array.isArray(value)) return absent;
    const found = inList(value, scalar, 0);
    return found === NO_SCALARS ? absent : found === MATCHED;
  };
}

const NO_SCALARS = 0;
const MISSED = 1;
const MATCHED = 2;

/** Whether one of the list's values matches, those of lists within it included. */
function inList(list: readonly unknown[], scalar: Matches, depth: number): number {
  let found = NO_SCALARS;
  for (const value of list) {
    if (Array.isArray(value)) {
      if (depth < FILTER_LISTS_DEPTH_MAX) found = Math.max(found, inList(value, scalar, depth + 1));
    } else if (typeof value !== 'object' || value === null) found = Math.max(found, scalar(value) ? MATCHED : MISSED);
    if (found === MATCHED) break;
  }
  return found;
}

function objectMatch(pattern: Pattern): Matches {
  const fields = pattern.fields.map(([name, node]) => fieldMatch(name, node));
  const either = pattern.either.map((choice) => anyOf(choice.map(objectMatch)));
  const all = allOf([...fields, ...either]);
  const match = (value: unknown, depth: number): boolean => {
    if (!Array.isArray(value)) return all(value);
    if (value.length === 0) return all(undefined);
    return depth < FILTER_LISTS_DEPTH_MAX && value.some((item: unknown) => match(item, depth + 1));
  };
  return (value) => (Array.isArray(value) ? match(value, 0) : all(value));
}

function allOf(tests: readonly Matches[]): Matches {
  const [a, b, c, ...more] = tests;
  if (a === undefined) return () => true;
  if (b === undefined) return a;
  if (c === undefined) return (value) => a(value) && b(value);
  if (more.length === 0) return (value) => a(value) && b(value) && c(value);
  return (value) => tests.every((test) => test(value));
}

/** Of an object around it; of anything else as of a field that is not there. */
function fieldMatch(name: string, node: Pattern | Leaf): Matches {
  const inner = valueMatch(node);
  const missing = inner(undefined);
  // What every object has anyhow, like `constructor`, must be its own.
  const inherited = name in Object.prototype;
  const direct: Matches = (value) => {
    if (typeof value !== 'object' || value === null) return missing;
    if (inherited && !Object.hasOwn(value, name)) return missing;
    return inner((value as JsonObject)[name]);
  };
  if (isLeaf(node)) return direct;
  const prefix = `${name}.`;
  return (value) => {
    if (typeof value !== 'object' || value === null) return missing;
    const own = inherited && !Object.hasOwn(value, name) ? undefined : (value as JsonObject)[name];
    const whole = undotted(value as JsonObject, own, prefix);
    return inner(whole);
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In a record too `a.b` stands for `b` within `a`. */
function undotted(object: JsonObject, own: unknown, prefix: string): unknown {
  let gathered: Record<string, unknown> | undefined;
  const first = prefix.charCodeAt(0);
  for (const key in object) {
    if (key.charCodeAt(0) !== first || !key.startsWith(prefix) || !Object.hasOwn(object, key)) continue;
    // Without a prototype, that `__proto__` may be a name like any other.
    gathered ??= Object.assign(Object.create(null) as Record<string, unknown>, isObject(own) ? own : {});
    gathered[key.slice(prefix.length)] = object[key];
  }
  return gathered ?? own;
}
