/** What the documents say is so: examples are valid, links lead somewhere, lists of codes and figures are those of the code. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import { loadFunction } from '../../src/function/load.ts';
import {
  CHILDREN_MAX,
  CHILDREN_MEMORY_SHARE,
  CHILDREN_PER_FUNCTION_SHARE,
  EVENT_BYTES_MAX,
  FAILURE_KEPT_MS,
  FAILURE_STREAM_BYTES_MAX,
  RESULT_BYTES_MAX,
  STREAM_SHARDS_MAX,
} from '../../src/limits.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { anchorsOf, type Block, blocks, DOCUMENTS, linksOf, readDocument } from '../support/documents.ts';
import { source } from '../support/functions.ts';
import { ROOT } from '../support/house/files.ts';

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

/** Sources below a directory, as one text. */
function sources(...folders: string[]): string {
  return folders
    .flatMap((folder) => readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

const matches = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map((m) => m[1]!))].sort();

/** The part of a document below a heading of the second level. */
function section(file: string, heading: string): string {
  const [, body] = readDocument(file).split(`\n## ${heading}\n`);
  return body!.split('\n## ')[0]!;
}

describe('examples', () => {
  test('the fences name languages that are checked', () => {
    const known = new Set(['yaml', 'sh', 'ts', 'text']);
    const others = DOCUMENTS.flatMap((file) =>
      [...readDocument(file).matchAll(/^```(.*)\n[\s\S]*?^```$/gm)]
        .filter((match) => !known.has(match[1]!))
        .map((match) => `${file}: "${match[1]}"`),
    );
    expect(others).toEqual([]);
  });

  test.for(blocks('yaml').map((block): [string, Block] => [`${block.file}:${block.line}`, block]))(
    'the YAML at %s is a configuration without a finding',
    ([, block]) => {
      const dir = mkdtempSync(path.join(tmpdir(), 'millrace-documents-'));
      onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
      for (const [, file] of block.text.matchAll(/code: (\S+\.ts)/g)) {
        mkdirSync(path.dirname(path.join(dir, file!)), { recursive: true });
        writeFileSync(path.join(dir, file!), 'export const handler = async () => {};\n');
      }
      const file = path.join(dir, 'millrace.yaml');
      writeFileSync(file, block.text);
      const { config, problems } = loadConfig(file, {});
      expect(problems).toEqual([]);
      expect(config?.mappings.size).toBeGreaterThan(0);
    },
  );
});

test('handlers shown are ones that can be run', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-documents-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const handlers = blocks('ts');
  expect(handlers.length).toBeGreaterThanOrEqual(2);
  for (const [n, { text }] of handlers.entries()) {
    const code = path.join(dir, `handler-${n}.ts`);
    writeFileSync(code, text);
    await expect(loadFunction(source(code), dir)).resolves.toMatchObject({ exportPath: 'handler' });
  }
});

describe('links', () => {
  test.for([...DOCUMENTS])('of %s lead somewhere', (file) => {
    const dead = linksOf(file).filter((link) => {
      const [target, anchor] = link.split('#') as [string, string | undefined];
      const to = target === '' ? file : path.join(path.dirname(file), target);
      if (!existsSync(path.join(ROOT, to))) return true;
      return anchor !== undefined && !anchorsOf(to).includes(anchor);
    });
    expect(dead).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  test('has every code with its exit code and what it means, in the order of src/errors.ts', () => {
    const found = [...section('docs/errors.md', 'Codes').matchAll(/^### (\S+)\n\nExit (\d): ([^\n]+)/gm)];
    expect(found.map(([, code]) => code)).toEqual(Object.keys(ERRORS));
    for (const [, code, exit, text] of found) {
      const { about, exit: expected } = ERRORS[code as keyof typeof ERRORS];
      expect({ code, exit: Number(exit), text }).toEqual({
        ...{ code, exit: expected },
        text: expect.stringMatching(new RegExp(`^${about.replace(/[.*+?()[\]]/g, '\\$&')}\\. `)) as string,
      });
      expect(anchorsOf('docs/errors.md')).toContain(code);
    }
  });

  test('has every finding of validate, and none that there is not', () => {
    const documented = matches(section('docs/errors.md', 'Findings of validate'), /`([a-z]+(?:-[a-z]+)+)`/g);
    const code = sources('src/mapping', 'src/commands', 'src/function');
    const corpus = path.join(ROOT, 'test', 'config', 'corpus');
    const raised = matches(
      readdirSync(corpus)
        .map((name) => read(`test/config/corpus/${name}/expected.json`))
        .join('\n'),
      /"code": "([a-z]+-[a-z-]+)"/g,
    );
    const written = matches(
      `${sources('src/mapping')}\n${read('src/commands/validate-connect.ts')}`,
      /code: '([a-z]+-[a-z-]+)'/g,
    );
    expect([...raised, ...written].filter((one) => !documented.includes(one))).toEqual([]);
    expect(documented.filter((one) => !code.includes(`'${one}'`))).toEqual([]);
  });

  test('has every error type of an attempt, and every refusal inside', () => {
    const types = section('docs/errors.md', 'Error types of an attempt');
    const text = sources('src/sandbox', 'src/unit');
    expect(matches(types, /`((?:Sandbox|Runtime|Function)\.\w+)`/g)).toEqual(
      matches(text, /'((?:Sandbox|Runtime|Function)\.\w+)'/g),
    );
    const own = matches(read('src/unit/failure.ts'), /export const \w+ = '(\w+)'/g);
    expect(own.filter((type) => !types.includes(`\`${type}\``))).toEqual([]);
    const refusals = section('docs/errors.md', 'Refusals inside the sandbox');
    expect(matches(refusals, /`(ERR_\w+)`/g)).toEqual(
      matches(text, /'(ERR_(?:EGRESS_\w+|MILLRACE_UNSUPPORTED))'/g).filter((code) => code !== 'ERR_EGRESS'),
    );
  });
});

describe('docs/handlers.md', () => {
  test('has the globals that the prelude and the bootstrap make', () => {
    const prelude = read('src/sandbox/runtime/prelude.ts');
    const lazy = matches(prelude, /^ {2,4}\[?\[('[\w', ]+')\],/gm).flatMap((names) => matches(names, /'(\w+)'/g));
    const made = [...lazy, ...matches(prelude, /define(?:Lazy)?Global\('(\w+)'/g)];
    const text = section('docs/handlers.md', 'What there is');
    expect(made.length).toBeGreaterThan(25);
    expect(
      made.filter(
        (name) => !['CustomEvent', 'DOMException', 'CryptoKey'].includes(name) && !text.includes(`\`${name}\``),
      ),
    ).toEqual([]);
  });
});

describe('figures', () => {
  test('docs/operations.md has exactly the metrics that there are', async () => {
    const names = matches(await createMetrics().text(), /^# HELP (millrace_\w+)/gm);
    expect(matches(section('docs/operations.md', 'Metrics'), /^\| `(millrace_\w+)`/gm)).toEqual(names);
  });

  test("README's limits are those of src/limits.ts", () => {
    const text = section('README.md', 'Limits');
    const number = (value: number) => value.toLocaleString('en-US');
    expect(text).toContain(`| event, result | ${EVENT_BYTES_MAX / 1024 ** 2} MB each |`);
    expect(RESULT_BYTES_MAX).toBeGreaterThanOrEqual(EVENT_BYTES_MAX);
    expect(text).toContain(`| shards of a stream | ${number(STREAM_SHARDS_MAX)} |`);
    expect(CHILDREN_PER_FUNCTION_SHARE).toBe(0.5);
    expect(text).toContain(`${CHILDREN_MAX}, half of them for one function; ${CHILDREN_MEMORY_SHARE * 100} % of`);
    expect(text).toContain(
      `${FAILURE_STREAM_BYTES_MAX / 1024 ** 3} GB, notices kept ${FAILURE_KEPT_MS / 86_400_000} days`,
    );
  });

  test('README is read in ten minutes, and its figures have their place', () => {
    const text = readDocument('README.md');
    expect(text.split(/\s+/).length).toBeLessThanOrEqual(2_200);
    expect(text).toMatch(/<!-- figures: begin \(npm run bench\) -->[\s\S]*<!-- figures: end -->/);
  });
});
