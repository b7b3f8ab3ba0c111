/**
 * The bytes of one file → its tree. YAML 1.2 core, one document, no tags, no merge keys; depth, size and the number of values are
 * bounded before anything recursive sees the text (the size by the one who reads the file). Reports what it cannot read and goes on with the rest where there is one.
 */
import { CST, Composer, type Document, Lexer, LineCounter, Parser } from 'yaml';
import { CONFIG_DEPTH_MAX, CONFIG_LEXEMES_MAX, CONFIG_LINES_MAX } from '../config-limits.ts';
import { buildTree } from './build-tree.ts';
import type { Environment } from './interpolate.ts';
import type { Report } from './report.ts';
import type { TreeNode } from './tree.ts';
import type { Position } from './types.ts';
import { unveil, veil } from './veil.ts';
import { yamlErrorText } from './yaml-errors.ts';

export type Locate = (offset: number) => Position;

/** Undefined: nothing usable (reported), or an empty document (not reported: the caller knows whether that is allowed). */
export function parseYaml(bytes: Buffer, file: string, env: Environment, report: Report): TreeNode | undefined {
  const text = decode(bytes, file, report);
  if (text === undefined) return undefined;

  const lines = new LineCounter();
  const locate: Locate = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const veiled = veil(text);
  const tokens = tokensOf(veiled ?? text, lines, file, report);
  if (tokens === undefined) return undefined;
  const tooDeep = firstTooDeep(tokens);
  if (tooDeep !== undefined) {
    const message = `values are nested more than ${CONFIG_DEPTH_MAX} levels deep`;
    report.add({
      code: 'too-deep',
      path: [],
      at: locate(tooDeep),
      message,
      hint: 'no field of the configuration lies deeper than 7 levels',
    });
    return undefined;
  }
  const document = composeOne(tokens, text.length, locate, report);
  if (document === undefined) return undefined;
  return buildTree(document, { locate, env, report, read: veiled === undefined ? (part) => part : unveil });
}

/** Concrete syntax, made without recursion; undefined when there is too much of it. */
function tokensOf(text: string, lines: LineCounter, file: string, report: Report): CST.Token[] | undefined {
  const tooLarge = (what: string, max: number) => {
    const message = `the file has more than ${max} ${what}`;
    const hint = 'split it: -c also takes a directory of YAML files';
    report.add({ code: 'file-too-large', path: [], at: { file, line: 1, column: 1 }, message, hint });
    return undefined;
  };
  if (countLines(text) > CONFIG_LINES_MAX) return tooLarge('lines', CONFIG_LINES_MAX);
  // As Parser.parse does it, but counting.
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > CONFIG_LEXEMES_MAX) return tooLarge('words and marks', CONFIG_LEXEMES_MAX);
    tokens.push(...parser.next(lexeme));
  }
  tokens.push(...parser.end());
  return tokens;
}

function countLines(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function decode(bytes: Buffer, file: string, report: Report): string | undefined {
  const bad = (code: string, offset: number, message: string, hint: string) => {
    const before = bytes.subarray(0, offset).toString('latin1').split('\n');
    report.add({ code, path: [], at: { file, line: before.length, column: before.at(-1)!.length + 1 }, message, hint });
    return undefined;
  };
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return bad('not-utf8', 0, 'the file is UTF-16', 'save it as UTF-8');
  }
  const nul = bytes.indexOf(0);
  if (nul !== -1) return bad('not-text', nul, 'the file contains a NUL byte: it is no text', 'save it as UTF-8 text');
  const text = bytes.toString('utf8');
  const replacement = text.indexOf('\ufffd');
  // U+FFFD may be in the file itself; only bytes that do not come back are no UTF-8.
  if (replacement !== -1 && !Buffer.from(text).equals(bytes)) {
    return bad(
      'not-utf8',
      firstDifference(bytes, Buffer.from(text)),
      'the file is not valid UTF-8',
      'save it as UTF-8 (it may be Latin-1)',
    );
  }
  // A byte order mark is no column.
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function firstDifference(a: Buffer, b: Buffer): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

/** Offset of the first token nested too deep, found without recursion. */
function firstTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  let first: number | undefined;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { token, depth } = next;
    if (depth > CONFIG_DEPTH_MAX) {
      first = first === undefined ? token.offset : Math.min(first, token.offset);
      continue;
    }
    if (token.type === 'document') {
      if (token.value) stack.push({ token: token.value, depth: depth + 1 });
    } else if ('items' in token) {
      for (const item of token.items) {
        if (item.key) stack.push({ token: item.key, depth: depth + 1 });
        if (item.value) stack.push({ token: item.value, depth: depth + 1 });
      }
    }
  }
  return first;
}

function composeOne(tokens: CST.Token[], length: number, locate: Locate, report: Report): Document.Parsed | undefined {
  let document: Document.Parsed | undefined;
  // Keys are compared by buildTree: the library's own check compares each with every other.
  for (const next of new Composer({ uniqueKeys: false, keepSourceTokens: true, logLevel: 'silent' }).compose(
    tokens,
    true,
    length,
  )) {
    if (document !== undefined) {
      const message = 'there is a second document; a file holds one';
      report.add({
        code: 'yaml-documents',
        path: [],
        at: locate(next.range[0]),
        message,
        hint: 'use one file per document: -c also takes a directory',
      });
      break;
    }
    document = next;
  }
  if (document === undefined) return undefined;
  const seen = new Set<string>();
  for (const error of [...document.errors, ...document.warnings]) {
    if (error.code === 'TAG_RESOLVE_FAILED' || error.code === 'NON_STRING_KEY') continue; // buildTree knows more of these
    const at = locate(error.pos[0]);
    // One slip of the pen makes several errors of the parser on one line; the first says what it is.
    const key = `${at.line}`;
    if (seen.has(key)) continue;
    seen.add(key);
    report.add({ path: [], at, ...yamlErrorText(error) });
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    const message = `the file asks for YAML ${document.directives.yaml.version}`;
    report.add({
      code: 'yaml-version',
      path: [],
      at: locate(0),
      message,
      hint: 'remove the %YAML line: configuration is read as YAML 1.2',
    });
  }
  // A tree with syntax errors is guessed by the parser: judging it would report what nobody wrote.
  return seen.size === 0 ? document : undefined;
}
