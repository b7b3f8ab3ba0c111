/** A YAML file as a tree of values that know where they were written. What the parser makes and every check reads. */
import type { Position } from './types.ts';

export interface Scalar {
  readonly kind: 'scalar';
  /** After environment references were replaced. */
  readonly value: string | number | boolean | null;
  /** As written, for a plain or quoted text (before environment references were replaced). */
  readonly source: string;
  /** Written without quotes. */
  readonly plain: boolean;
  /** Names of the environment variables in it. */
  readonly variables: readonly string[];
  /** Already reported; its value means nothing and is not examined further. */
  readonly broken: boolean;
  readonly at: Position;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
  readonly at: Position;
}

export interface MapEntry {
  readonly key: string;
  readonly keyAt: Position;
  readonly node: TreeNode;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly at: Position;
}

export type TreeNode = Scalar | ListNode | MapNode;
export type Path = readonly (string | number)[];

/** `mappings.clicks.source.stream`, `functionResponseTypes[0]`, `functions["a.b"].code`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (part.length > 80) return `${text}[${JSON.stringify(`${part.slice(0, 77)}...`)}]`;
    if (!/^[\w$-]+$/.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

export function child(node: TreeNode | undefined, key: string | number): TreeNode | undefined {
  if (node?.kind === 'map' && typeof key === 'string') return node.entries.get(key)?.node;
  if (node?.kind === 'list' && typeof key === 'number') return node.items[key];
  return undefined;
}

export function nodeAt(root: TreeNode | undefined, path: Path): TreeNode | undefined {
  return path.reduce<TreeNode | undefined>((node, key) => child(node, key), root);
}

export function isBroken(node: TreeNode): boolean {
  if (node.kind === 'scalar') return node.broken;
  if (node.kind === 'list') return node.items.some(isBroken);
  return node.entries.values().some((entry) => isBroken(entry.node));
}

/** Plain data, as zod takes it. Objects have no prototype. Depth is bounded by CONFIG_DEPTH_MAX. */
export function toData(node: TreeNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toData);
  const data = Object.create(null) as Record<string, unknown>;
  for (const [key, entry] of node.entries) data[key] = toData(entry.node);
  return data;
}

/** A text as it may be shown: with references in place of what they stand for. */
export function writtenText(node: TreeNode | undefined, value: string): string {
  const text = node?.kind === 'scalar' && node.variables.length > 0 ? node.source : value;
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
