/** What the rules need to know of a TypeScript or JavaScript file, taken from its syntax tree. */
import path from 'node:path/posix';
import { parse } from '@babel/parser';
import type { TextFile } from './files.ts';

export interface Import {
  readonly specifier: string;
  /** Path of the file it leads to; null for packages and Node's own modules. */
  readonly target: string | null;
  /** Names taken; ['*'] when all of them are, or can be. */
  readonly names: readonly string[];
  readonly line: number;
  /** `export … from`. */
  readonly reexport: boolean;
}

export interface Named {
  readonly name: string;
  readonly line: number;
}

export interface Exported extends Named {
  /** An interface or a type that something else in its file mentions: it describes what that thing takes or gives. */
  readonly describes: boolean;
}

export interface Measured extends Named {
  readonly lines: number;
}

export interface SourceFile extends TextFile {
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Imports in the text of a program that is bundled from here (`"import './child/main.ts'"`): it runs elsewhere, by itself. */
  readonly bundled: readonly Import[];
  readonly exports: readonly Exported[];
  readonly functions: readonly Measured[];
  /** Syntax that no file may have (`any`, a default export, an empty catch …), by kind. */
  readonly oddities: readonly Named[];
  /** Text of string literals, for rules that look for a code in use. */
  readonly strings: ReadonlySet<string>;
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  readonly onlyReexports: boolean;
}

interface Node {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
  readonly [key: string]: unknown;
}

export function isCode(file: TextFile): boolean {
  return /\.(ts|mts|mjs|js)$/.test(file.path);
}

export function readSyntax(file: TextFile): SourceFile {
  const tree = parse(file.text, { sourceType: 'module', plugins: ['typescript'], attachComment: false });
  const facts = new Facts(file);
  facts.visit(tree.program as unknown as Node, null);
  const comments = (tree.comments ?? []).map((comment) => ({
    text: comment.value,
    line: comment.loc?.start.line ?? 0,
  }));
  facts.dropExplainedCatches(comments.map((comment) => comment.line));
  const body = tree.program.body as unknown as readonly Node[];
  return {
    ...file,
    lines: file.text.split('\n').length - 1,
    imports: facts.imports,
    bundled: facts.bundled,
    exports: facts.exports,
    functions: facts.functions,
    oddities: facts.oddities,
    strings: facts.strings,
    comments,
    onlyReexports: body.length > 0 && body.every((node) => node.type.startsWith('Export') && isNode(node['source'])),
  };
}

class Facts {
  readonly imports: Import[] = [];
  readonly bundled: Import[] = [];
  readonly exports: Exported[] = [];
  readonly functions: Measured[] = [];
  readonly strings = new Set<string>();
  oddities: Named[] = [];
  private readonly emptyCatches: { from: number; to: number }[] = [];
  private readonly file: string;
  private readonly text: string;

  constructor({ path: file, text }: TextFile) {
    this.file = file;
    this.text = text;
  }

  visit(node: Node, parent: Node | null): void {
    this.module(node);
    this.measure(node, parent);
    this.look(node, parent);
    for (const child of childrenOf(node)) this.visit(child, node);
  }

  /** A catch that does nothing must say why: a comment inside it is the reason. */
  dropExplainedCatches(commentLines: readonly number[]): void {
    for (const { from, to } of this.emptyCatches) {
      if (!commentLines.some((line) => line >= from && line <= to))
        this.odd('catch that swallows an error without a reason', from);
    }
  }

  private odd(name: string, line: number): void {
    this.oddities.push({ name, line });
  }

  private module(node: Node): void {
    const { line } = node.loc.start;
    const source = isNode(node['source']) ? textOf(node['source']) : undefined;
    if (node.type === 'ImportDeclaration' && source !== undefined) {
      this.addImport(source, nodesOf(node['specifiers']).map(importedName), line, false);
    } else if (node.type === 'ImportExpression' && source !== undefined) {
      this.addImport(source, ['*'], line, false);
    } else if (node.type === 'TSImportType' && source !== undefined) {
      this.addImport(source, ['*'], line, false);
    } else if (node.type === 'ExportAllDeclaration' && source !== undefined) {
      this.addImport(source, ['*'], line, true);
      this.odd('export * (name what is exported)', line);
    } else if (node.type === 'ExportNamedDeclaration') {
      if (source !== undefined) this.addImport(source, nodesOf(node['specifiers']).map(localName), line, true);
      this.addExports(node, line);
    } else if (node.type === 'ExportDefaultDeclaration') this.odd('default export', line);
  }

  private addImport(specifier: string, names: readonly string[], line: number, reexport: boolean): void {
    this.imports.push(this.importOf(specifier, names, line, reexport));
  }

  private importOf(specifier: string, names: readonly string[], line: number, reexport: boolean): Import {
    const target = specifier.startsWith('.') ? path.join(path.dirname(this.file), specifier) : null;
    return { specifier, target, names, line, reexport };
  }

  private addExports(node: Node, line: number): void {
    for (const specifier of nodesOf(node['specifiers'])) {
      if (isNode(specifier['exported']))
        this.exports.push({ name: nameOf(specifier['exported']), line, describes: false });
    }
    const declaration = node['declaration'];
    if (!isNode(declaration)) return;
    const declared = declaration.type === 'VariableDeclaration' ? nodesOf(declaration['declarations']) : [declaration];
    const isType = /^TS(Interface|TypeAlias)Declaration$/.test(declaration.type);
    for (const one of declared) {
      if (!isNode(one['id'])) continue;
      const name = nameOf(one['id']);
      const mentions = this.text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
      this.exports.push({ name, line, describes: isType && mentions > 1 });
    }
  }

  private measure(node: Node, parent: Node | null): void {
    const kinds = [
      'FunctionDeclaration',
      'FunctionExpression',
      'ArrowFunctionExpression',
      'ObjectMethod',
      'ClassMethod',
      'ClassPrivateMethod',
    ];
    if (!kinds.includes(node.type)) return;
    const { start, end } = node.loc;
    this.functions.push({ name: functionName(node, parent), line: start.line, lines: end.line - start.line + 1 });
  }

  private look(node: Node, parent: Node | null): void {
    const { start, end } = node.loc;
    if (node.type === 'StringLiteral' && parent?.['source'] !== node) this.string(String(node['value']), start.line);
    else if (node.type === 'TSAnyKeyword') this.odd('any', start.line);
    else if (node.type === 'TSEnumDeclaration') this.odd('enum', start.line);
    else if (node.type === 'DebuggerStatement') this.odd('debugger', start.line);
    else if (node.type === 'CatchClause' && isNode(node['body']) && nodesOf(node['body']['body']).length === 0) {
      this.emptyCatches.push({ from: start.line, to: end.line });
    } else if (node.type === 'CallExpression') this.lookAtCall(node);
  }

  private string(text: string, line: number): void {
    this.strings.add(text);
    for (const [, names, specifier] of text.matchAll(/^import (?:\{([^}]*)\} from )?'(\.[^']+)'/g)) {
      const taken = names?.split(',').map((name) => name.trim()) ?? [];
      this.bundled.push(this.importOf(specifier!, taken, line, false));
    }
  }

  private lookAtCall(node: Node): void {
    const callee = node['callee'];
    if (!isNode(callee)) return;
    const chain = chainOf(callee);
    if (chain[0] === 'console' && chain.length === 2) this.odd('console', node.loc.start.line);
    const testing = ['test', 'it', 'describe', 'suite'].includes(chain[0] ?? '');
    const held = ['skip', 'only', 'todo', 'fails', 'skipIf', 'runIf'].find((name) => chain.includes(name));
    if (testing && held !== undefined) this.odd(`${chain[0]}.${held}`, node.loc.start.line);
  }
}

/** `test.concurrent.only(…)` → ['test', 'concurrent', 'only']; calls within the chain are followed. */
function chainOf(node: Node): string[] {
  if (node.type === 'Identifier') return [nameOf(node)];
  if (node.type === 'CallExpression' && isNode(node['callee'])) return chainOf(node['callee']);
  if (node.type !== 'MemberExpression' || !isNode(node['object']) || !isNode(node['property'])) return [];
  return [...chainOf(node['object']), nameOf(node['property'])];
}

function functionName(node: Node, parent: Node | null): string {
  if (isNode(node['id'])) return nameOf(node['id']);
  if (isNode(node['key'])) return nameOf(node['key']);
  if (parent?.type === 'VariableDeclarator' && isNode(parent['id'])) return nameOf(parent['id']);
  // A describe or a hook's callback is a list of things, no function to read: it is named after its call.
  if (parent?.type === 'CallExpression' && isNode(parent['callee']))
    return `callback of ${chainOf(parent['callee']).join('.')}`;
  return '(anonymous)';
}

function importedName(specifier: Node): string {
  return specifier.type === 'ImportSpecifier' && isNode(specifier['imported']) ? nameOf(specifier['imported']) : '*';
}

function localName(specifier: Node): string {
  return isNode(specifier['local']) ? nameOf(specifier['local']) : '*';
}

function nameOf(node: Node): string {
  if (node.type === 'PrivateName' && isNode(node['id'])) return nameOf(node['id']);
  return String(node['name'] ?? node['value'] ?? '?');
}

function textOf(node: Node): string | undefined {
  return node.type === 'StringLiteral' ? String(node['value']) : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

function nodesOf(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function childrenOf(node: Node): Node[] {
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'loc' || key === 'extra') return [];
    return isNode(value) ? [value] : nodesOf(value);
  });
}
