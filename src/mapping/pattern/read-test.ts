/** One value of a pattern's list: a literal, or an object with one operator (esm-semantics.md §1.12). Pure. */
import { isIP, isIPv4 } from 'node:net';
import { FILTER_WILDCARDS_MAX } from '../../config-limits.ts';
import type { AddressBlock, LeafTest, NumberBound, ScalarTest } from '../../pattern.ts';
import { didYouMean } from '../did-you-mean.ts';
import { PatternFault, type Where } from './pattern-fault.ts';

type Read = (value: unknown, where: Where) => LeafTest;

const OPERATORS: Readonly<Record<string, Read>> = {
  exists: (value, where) => {
    if (typeof value !== 'boolean') throw new PatternFault(where, '`exists` must be true or false');
    return { op: 'exists', present: value };
  },
  prefix: (value, where) => readAffix('prefix', value, where),
  suffix: (value, where) => readAffix('suffix', value, where),
  'equals-ignore-case': (value, where) => ({
    op: 'equals-ignore-case',
    text: text('equals-ignore-case', value, where),
  }),
  'anything-but': readAnythingBut,
  numeric: (value, where) => ({ op: 'numeric', bounds: readBounds(value, where) }),
  cidr: (value, where) => ({ op: 'cidr', block: readBlock(value, where) }),
  wildcard: (value, where) => ({ op: 'wildcard', parts: readWildcard(text('wildcard', value, where), where) }),
};

/** @throws PatternFault */
export function readTest(value: unknown, where: Where): LeafTest {
  if (isScalar(value)) return { op: 'equals', value };
  if (Array.isArray(value)) throw new PatternFault(where, 'a list within a list matches nothing');
  const [name, operand] = onlyEntry(value as Record<string, unknown>, where);
  const read = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (read !== undefined) return read(operand, where);
  const known = Object.keys(OPERATORS);
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean \`${meant}\`?`;
  throw new PatternFault(where, `there is no operator \`${clip(name)}\``, hint);
}

function onlyEntry(value: Readonly<Record<string, unknown>>, where: Where): [string, unknown] {
  const [first, ...more] = Object.entries(value);
  if (first === undefined || more.length > 0)
    throw new PatternFault(where, 'must have exactly one operator', 'several values of a list are alternatives');
  return first;
}

function readAffix(op: 'prefix' | 'suffix', value: unknown, where: Where): ScalarTest {
  if (typeof value === 'string') return { op, text: value, ignoreCase: false };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const [name, operand] = onlyEntry(value as Record<string, unknown>, where);
    if (name === 'equals-ignore-case')
      return { op, text: text(`${op} with ${name}`, operand, where), ignoreCase: true };
  }
  throw new PatternFault(where, `\`${op}\` must be a text, or { equals-ignore-case: a text }`);
}

/** A list of texts or a list of numbers; or an operator whose texts none may match. */
function readAnythingBut(value: unknown, where: Where): ScalarTest {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const [name, operand] = onlyEntry(value as Record<string, unknown>, where);
    return { op: 'anything-but', none: texts(name, operand, where).map((one) => butOf(name, one, where)) };
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const kinds = new Set(list.map((item) => typeof item));
  const one =
    kinds.size === 1 && (kinds.has('string') || kinds.has('number') || (kinds.has('boolean') && list.length === 1));
  if (!one) {
    const rule = '`anything-but` must be a text, a number, a list of texts or a list of numbers';
    throw new PatternFault(where, list.includes(null) ? `${rule}; null is none of them` : rule);
  }
  return { op: 'anything-but', none: list.map((item) => ({ op: 'equals', value: item as string | number | boolean })) };
}

const BUT = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'];

function texts(name: string, operand: unknown, where: Where): readonly string[] {
  if (!BUT.includes(name))
    throw new PatternFault(where, `\`anything-but\` has no operator \`${clip(name)}\``, `known are ${BUT.join(', ')}`);
  const list: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  if (list.length === 0 || !list.every((item) => typeof item === 'string'))
    throw new PatternFault(where, `\`anything-but\` with \`${name}\` must be a text or a list of texts`);
  return list;
}

function butOf(name: string, one: string, where: Where): ScalarTest {
  if (name === 'equals-ignore-case') return { op: name, text: one };
  if (name === 'wildcard') return { op: name, parts: readWildcard(one, where) };
  if (one === '') throw new PatternFault(where, `\`anything-but\` with \`${name}\`: the empty text is in every text`);
  return { op: name as 'prefix' | 'suffix', text: one, ignoreCase: false };
}

const SHAPE = '`numeric` must be like [ "=", 5 ], [ ">", 0 ] or [ ">=", 0, "<", 10 ]';

function readBounds(value: unknown, where: Where): NumberBound[] {
  if (!Array.isArray(value) || (value.length !== 2 && value.length !== 4)) throw new PatternFault(where, SHAPE);
  const bounds: NumberBound[] = [];
  for (let k = 0; k < value.length; k += 2) {
    const [compare, number] = [value[k] as unknown, value[k + 1] as unknown];
    if (typeof compare !== 'string' || !['=', '<', '<=', '>', '>='].includes(compare) || typeof number !== 'number')
      throw new PatternFault(where, SHAPE);
    bounds.push({ compare: compare as NumberBound['compare'], value: number });
  }
  const [low, high] = bounds;
  if (high === undefined) return bounds;
  if (!low!.compare.startsWith('>') || !high.compare.startsWith('<'))
    throw new PatternFault(where, 'a range of `numeric` has its lower bound first: [ ">", 0, "<", 10 ]');
  if (low!.value >= high.value)
    throw new PatternFault(where, 'the range of `numeric` is empty: its lower bound is not below its upper one');
  return bounds;
}

function readBlock(value: unknown, where: Where): AddressBlock {
  const written = text('cidr', value, where);
  const [address, bits, ...more] = written.split('/');
  const family = isIP(address ?? '');
  const most = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits ?? '') || Number(bits) > most || address!.includes('%'))
    throw new PatternFault(
      where,
      `\`cidr\` must be a block of addresses; it is ${JSON.stringify(clip(written))}`,
      'for example 10.0.0.0/8 or 2001:db8::/32',
    );
  return { family: isIPv4(address!) ? 4 : 6, address: address!, bits: Number(bits) };
}

/** `*` is any run of characters, `\*` a star and `\\` a backslash. */
function readWildcard(written: string, where: Where): string[] {
  const parts = [''];
  for (let k = 0; k < written.length; k++) {
    const c = written[k]!;
    if (c === '*') {
      if (written[k + 1] === '*') throw new PatternFault(where, '`wildcard` must not have two stars in a row');
      parts.push('');
      continue;
    }
    if (c === '\\') {
      const escaped = written[++k];
      if (escaped !== '*' && escaped !== '\\')
        throw new PatternFault(where, 'after a backslash `wildcard` takes only a star or a backslash');
      parts[parts.length - 1] += escaped;
    } else parts[parts.length - 1] += c;
  }
  if (parts.length - 1 > FILTER_WILDCARDS_MAX)
    throw new PatternFault(where, `\`wildcard\` may have at most ${FILTER_WILDCARDS_MAX} stars`);
  return parts;
}

function text(what: string, value: unknown, where: Where): string {
  if (typeof value !== 'string') throw new PatternFault(where, `\`${what}\` must be a text`);
  return value;
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function clip(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
