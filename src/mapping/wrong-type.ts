/** What to say when a value is of another type than its field, with the traps of YAML named. */
import type { FieldMeta } from './field.ts';
import type { Scalar, TreeNode } from './tree.ts';

interface Fault {
  readonly code: 'wrong-type' | 'empty-value';
  readonly message: string;
  readonly hint?: string;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of `name: value` lines',
  record: 'a map of `name: value` lines',
};

export function wrongType(node: TreeNode, expected: string, meta: FieldMeta | undefined): Fault {
  const word =
    meta?.unit !== undefined && (expected === 'number' || expected === 'int')
      ? `a whole number of ${meta.unit}`
      : (WORDS[expected] ?? expected);
  if (node.kind === 'scalar' && node.value === null) return { code: 'empty-value', message: 'has no value' };
  const hint = hintFor(node, expected, meta);
  return {
    code: 'wrong-type',
    message: `must be ${word}, not ${whatItIs(node)}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

function whatItIs(node: TreeNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.variables.length > 0)
    return `the text that ${node.source.length > 60 ? 'its environment reference' : node.source} gives`;
  if (typeof node.value === 'string') return 'text';
  if (typeof node.value === 'boolean') return 'true or false';
  if (typeof node.value === 'number' && !Number.isFinite(node.value)) return node.source;
  if (typeof node.value === 'number') return Number.isInteger(node.value) ? 'a number' : 'a fraction';
  return 'nothing';
}

function hintFor(node: TreeNode, expected: string, meta: FieldMeta | undefined): string | undefined {
  if (node.kind !== 'scalar') {
    if (expected === 'string') return 'text that contains brackets, braces or ": " has to be quoted';
    return undefined;
  }
  if (expected === 'number' || expected === 'int') return numberHint(node, meta);
  if (expected === 'boolean') return booleanHint(node);
  if (expected === 'array') return 'write a list: [ … ]';
  // A number, true or false where text is wanted. What was written is not repeated: it may be a secret.
  if (typeof node.value !== 'string' && node.value !== null && meta?.secret === true) return 'put it in quotes';
  if (typeof node.value !== 'string' && node.value !== null) return `put it in quotes: "${node.source.slice(0, 60)}"`;
  return undefined;
}

function numberHint(node: Scalar, meta: FieldMeta | undefined): string | undefined {
  if (typeof node.value === 'number')
    return Number.isFinite(node.value) ? 'fractions are not allowed' : 'write a whole number';
  if (typeof node.value !== 'string' || node.variables.length > 0) return undefined;
  const text = node.value.trim();
  if (/^[-+]?\d+$/.test(text)) return node.plain ? undefined : `write ${text} without quotes`;
  if (/^\d[\d_,]*\d$/.test(text)) return `YAML 1.2 reads ${text} as text: write ${text.replace(/[_,]/g, '')}`;
  const withUnit = /^(\d+)\s*([A-Za-z]+)$/.exec(text);
  if (withUnit !== null) return unitHint(withUnit[1]!, withUnit[2]!, meta?.unit);
  return undefined;
}

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minutes: 60,
  h: 3600,
  hours: 3600,
  d: 86_400,
  days: 86_400,
};
const MEGABYTES: Readonly<Record<string, number>> = { mb: 1, mib: 1, gb: 1024, gib: 1024 };

function unitHint(digits: string, unit: string, expected: string | undefined): string {
  const table = expected === 'seconds' ? SECONDS : expected === 'MB' || expected === 'bytes' ? MEGABYTES : {};
  const factor = table[table === SECONDS ? unit : unit.toLowerCase()];
  const bytes = expected === 'bytes' ? 1024 * 1024 : 1;
  const known = expected === undefined ? 'a plain number' : `a number of ${expected}`;
  return factor === undefined ? `write ${known}, without a unit` : `write ${known}: ${Number(digits) * factor * bytes}`;
}

function booleanHint(node: Scalar): string | undefined {
  if (typeof node.value !== 'string' || node.variables.length > 0) return undefined;
  const text = node.value.toLowerCase();
  const meant = ['yes', 'on', 'y', 'true'].includes(text)
    ? 'true'
    : ['no', 'off', 'n', 'false'].includes(text)
      ? 'false'
      : undefined;
  if (meant === undefined) return undefined;
  if (!node.plain) return `write ${meant} without quotes`;
  return `YAML 1.2 reads ${node.source} as text: write ${meant}`;
}
