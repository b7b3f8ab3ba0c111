/** The library's document → our tree: aliases written out (bounded), duplicate and odd keys reported, environment references replaced. */
import {
  type Document,
  type Node,
  type Pair,
  type Range,
  type Scalar as YamlScalar,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
} from 'yaml';
import { CONFIG_DEPTH_MAX, CONFIG_VALUES_MAX } from '../config-limits.ts';
import { type Environment, hasReference, interpolate } from './interpolate.ts';
import type { Report } from './report.ts';
import type { MapEntry, Path, Scalar, TreeNode } from './tree.ts';
import type { Position } from './types.ts';

interface BuildOptions {
  readonly locate: (offset: number) => Position;
  readonly env: Environment;
  readonly report: Report;
  /** What the parser handed out → what is in the file (veil.ts). */
  readonly read: (text: string) => string;
}

export function buildTree(document: Document.Parsed, options: BuildOptions): TreeNode | undefined {
  if (document.contents === null) return undefined;
  const node = new Builder(options).build(document.contents, []);
  return node.kind === 'scalar' && node.value === null && !node.broken ? undefined : node;
}

class Builder {
  readonly #options: BuildOptions;
  readonly #anchors = new Map<string, Node>();
  readonly #resolving = new Set<Node>();
  #values = 0;
  #full = false;

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  build(node: Node, path: Path): TreeNode {
    this.#values += 1;
    if (this.#values > CONFIG_VALUES_MAX || path.length > CONFIG_DEPTH_MAX) return this.#tooMany(node, path);
    if (isAlias(node)) return this.#alias(node, node.source, path);
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (node.tag !== undefined && !this.#tagIsKnown(node)) return this.#badTag(node, path);
    if (isMap(node)) return this.#map(node, path);
    if (isSeq(node)) return this.#list(node, path);
    return this.#scalar(node as YamlScalar, path);
  }

  #at(node: { range?: Range | null | undefined }): Position {
    return this.#options.locate(node.range?.[0] ?? 0);
  }

  #broken(at: Position): Scalar {
    return { kind: 'scalar', value: null, source: '', plain: true, variables: [], broken: true, at };
  }

  #tooMany(node: Node, path: Path): TreeNode {
    const at = this.#at(node);
    if (!this.#full) {
      const message = `the file holds more than ${CONFIG_VALUES_MAX} values once its aliases are written out`;
      this.#options.report.add({
        code: 'too-many-values',
        path: path.slice(0, CONFIG_DEPTH_MAX),
        at,
        message,
        hint: 'split it, or write less with aliases',
      });
      this.#full = true;
    }
    return this.#broken(at);
  }

  #alias(node: Node, name: string, path: Path): TreeNode {
    const target = this.#anchors.get(name);
    const at = this.#at(node);
    if (target === undefined || this.#resolving.has(target)) {
      const message =
        target === undefined ? `the alias *${name} has no anchor before it` : `the alias *${name} contains itself`;
      const hint =
        target === undefined
          ? `write &${name} where the value is first given; text that begins with "*" has to be quoted`
          : undefined;
      this.#options.report.add({ code: 'yaml-alias', path, at, message, hint });
      return this.#broken(at);
    }
    return this.build(target, path);
  }

  #tagIsKnown(node: Node): boolean {
    const expected = isMap(node)
      ? 'map'
      : isSeq(node)
        ? 'seq'
        : typeof (node as YamlScalar).value === 'string'
          ? 'str'
          : 'scalar';
    const tag = /^tag:yaml\.org,2002:(\w+)$/.exec(node.tag ?? '')?.[1];
    if (expected === 'scalar') return tag === 'int' || tag === 'float' || tag === 'bool' || tag === 'null';
    return tag === expected;
  }

  #badTag(node: Node, path: Path): TreeNode {
    const at = this.#at(node);
    this.#options.report.add({
      code: 'yaml-tag',
      path,
      at,
      message: 'tags (!…) are not allowed',
      hint: 'write the plain value; text that begins with "!" has to be quoted',
    });
    return this.#broken(at);
  }

  #list(node: Node, path: Path): TreeNode {
    if (!isSeq(node)) return this.#broken(this.#at(node));
    this.#resolving.add(node);
    const items = node.items.map((item, index) =>
      isPair(item) ? this.#pairInList(item, [...path, index]) : this.build(item as Node, [...path, index]),
    );
    this.#resolving.delete(node);
    return { kind: 'list', items, at: this.#at(node) };
  }

  #pairInList(pair: Pair, path: Path): TreeNode {
    const at = this.#at((pair.key ?? {}) as Node);
    this.#options.report.add({
      code: 'wrong-type',
      path,
      at,
      message: 'a list entry is a "key: value" pair',
      hint: 'put text that contains ": " in quotes',
    });
    return this.#broken(at);
  }

  #map(node: Node, path: Path): TreeNode {
    if (!isMap(node)) return this.#broken(this.#at(node));
    const entries = new Map<string, MapEntry>();
    const at = this.#at(node);
    this.#resolving.add(node);
    for (const pair of node.items) {
      const key = this.#key(pair.key as Node | null, path, at);
      if (key === undefined) continue;
      const previous = entries.get(key.name);
      if (previous !== undefined) {
        const message = `\`${key.name}\` is written twice`;
        const hint = `the first one is in line ${previous.keyAt.line}`;
        this.#options.report.add({ code: 'duplicate-key', path: [...path, key.name], at: key.at, message, hint });
        continue;
      }
      const value = pair.value as Node | null;
      const child = value === null ? this.#nothing(key.at) : this.build(value, [...path, key.name]);
      entries.set(key.name, { key: key.name, keyAt: key.at, node: child });
    }
    this.#resolving.delete(node);
    return { kind: 'map', entries, at };
  }

  #nothing(at: Position): Scalar {
    return { kind: 'scalar', value: null, source: '', plain: true, variables: [], broken: false, at };
  }

  #key(node: Node | null, path: Path, mapAt: Position): { name: string; at: Position } | undefined {
    const { report } = this.#options;
    if (node === null || !isScalar(node)) {
      const at = node === null ? mapAt : this.#at(node);
      const message = isAlias(node) ? 'an alias cannot be a key' : 'a key has to be text';
      report.add({ code: 'bad-key', path, at, message, hint: 'write `name: value`' });
      return undefined;
    }
    const at = this.#at(node);
    const name = this.#options.read(typeof node.value === 'string' ? node.value : (node.source ?? String(node.value)));
    if (name === '<<' && node.type === 'PLAIN') {
      report.add({
        code: 'yaml-merge-key',
        path,
        at,
        message: 'merge keys (<<) are not part of YAML 1.2',
        hint: 'write the entries out; an alias may stand for a whole value',
      });
    } else if (hasReference(name)) {
      report.add({
        code: 'env-in-key',
        path,
        at,
        message: 'environment references are not replaced in keys',
        hint: 'only values can have ${VAR}',
      });
    } else if (name === '__proto__') {
      report.add({
        code: 'bad-name',
        path: [...path, name],
        at,
        message: '`__proto__` cannot be a key',
        hint: 'choose another name',
      });
    } else {
      if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
      return { name, at };
    }
    return undefined;
  }

  #scalar(node: YamlScalar, path: Path): Scalar {
    const at = this.#at(node);
    const plain = node.type === 'PLAIN';
    const source = node.source ?? '';
    if (typeof node.value !== 'string') {
      const known = typeof node.value === 'number' || typeof node.value === 'boolean' ? node.value : null;
      return { kind: 'scalar', value: known, source, plain, variables: [], broken: false, at };
    }
    const value = this.#options.read(node.value);
    if (!value.includes('$')) return { kind: 'scalar', value, source: value, plain, variables: [], broken: false, at };
    const result = interpolate(value, this.#options.env);
    for (const fault of result.faults) this.#options.report.add({ ...fault, path, at });
    return {
      kind: 'scalar',
      value: result.value,
      source: value,
      plain,
      variables: result.variables,
      broken: result.faults.length > 0,
      at,
    };
  }
}
