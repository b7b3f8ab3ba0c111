/** The documents of the repository, taken apart: fenced blocks, headings, links. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './house/files.ts';

export interface Block {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

export const DOCUMENTS: readonly string[] = [
  ...['README.md', 'SECURITY.md', 'CHANGELOG.md', 'src/README.md'],
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readDocument(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Fenced blocks, in their order. */
export function blocksOf(file: string): Block[] {
  const text = readDocument(file);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    ...{ file, line: text.slice(0, match.index).split('\n').length },
    ...{ language: match[1]!, text: match[2]! },
  }));
}

export function blocks(language: string): Block[] {
  return DOCUMENTS.flatMap(blocksOf).filter((block) => block.language === language);
}

/** Anchors of the headings, as they are made where the documents are shown. */
export function anchorsOf(file: string): string[] {
  const prose = readDocument(file).replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Targets of links, without those that lead away. */
export function linksOf(file: string): string[] {
  return [...readDocument(file).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));
}
