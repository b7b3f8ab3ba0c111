/** What is generated from the declarations is committed and current, and what the documents show is valid. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { z } from 'zod';
import { configJsonSchema } from '../../src/mapping/json-schema.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { declaredFields, referenceMarkdown, withReference } from '../../src/mapping/reference.ts';
import { metaOf } from '../../src/mapping/schema-walk.ts';

const root = path.join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const HOW = 'run: node scripts/generate-config-docs.ts';

describe('generated from the declarations', () => {
  it('schema/millrace.schema.json is current', () => {
    expect(JSON.parse(read('schema/millrace.schema.json')), HOW).toEqual(
      JSON.parse(JSON.stringify(configJsonSchema())),
    );
  });

  it('the tables of docs/configuration.md are current', () => {
    const document = read('docs/configuration.md');
    expect(withReference(document) === document, HOW).toBe(true);
  });

  it('every field has its words in the table and in the schema', () => {
    const table = referenceMarkdown();
    const schema = JSON.stringify(configJsonSchema());
    const fields = declaredFields();
    expect(fields.length).toBeGreaterThan(30);
    for (const { schema: field } of fields) {
      const { about, example } = metaOf(field)!;
      expect(table).toContain(example);
      expect(schema).toContain(JSON.stringify(about).slice(1, -1));
    }
  });

  it('the schema refuses nothing that validate accepts, and what an editor can see of the rest', () => {
    const editor = z.fromJSONSchema(configJsonSchema());
    const corpus = path.join(import.meta.dirname, 'corpus');
    const refused: string[] = [];
    for (const name of readdirSync(corpus)) {
      const file = path.join(corpus, name, 'millrace.yaml');
      // Editors read YAML by the book: references in braces without quotes are ours alone. Aliases never reach the schema.
      if (!existsSync(file) || name.includes('references-in-braces') || name.startsWith('08-alias')) continue;
      const document = parseDocument(readFileSync(file, 'utf8').replace(/^\ufeff/, ''), { logLevel: 'silent' });
      if (document.errors.length > 0) continue;
      if (!editor.safeParse(document.toJS()).success) refused.push(name);
    }
    expect(refused.filter((name) => name.startsWith('9'))).toEqual([]);
    expect(refused).toEqual(
      expect.arrayContaining([
        '14-unknown-keys',
        '16-missing-required',
        '18-wrong-types',
        '24-ranges',
        '24-record-age',
        '26-names',
        '27-connectors',
        '27-not-supported-yet',
      ]),
    );
  });

  it('a field cannot be without a description', () => {
    const undescribed: string[] = [];
    const visit = (node: unknown, at: string) => {
      if (typeof node !== 'object' || node === null) return;
      const { properties } = node as { properties?: Record<string, { description?: string; const?: unknown }> };
      for (const [key, value] of Object.entries(properties ?? {})) {
        if (value.description === undefined && key !== 'type' && !/source|onFailure/.test(at))
          undescribed.push(`${at}.${key}`);
      }
      for (const [key, value] of Object.entries(node)) if (key !== 'default') visit(value, `${at}.${key}`);
    };
    visit(configJsonSchema(), '');
    expect(undescribed).toEqual([]);
  });
});

describe('the documents', () => {
  it('every example of a field is good where it stands', () => {
    for (const { path: at, schema } of declaredFields()) {
      const meta = metaOf(schema)!;
      if (meta.later !== undefined || at === 'connections' || meta.example.includes('${')) continue;
      const value: unknown = parse(meta.example);
      const plain =
        typeof schema === 'object' && 'safeParse' in schema
          ? (schema.safeParse as (v: unknown) => { success: boolean })
          : undefined;
      if (at === 'functions' || at === 'mappings') continue; // whole sections: examined below
      expect(plain?.call(schema, value).success, at).toBe(true);
    }
  });

  it('the YAML of docs/configuration.md is valid', () => {
    const blocks = [...read('docs/configuration.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);
    expect(blocks.length).toBeGreaterThan(0);
    const dir = mkdtempSync(path.join(tmpdir(), 'millrace-docs-'));
    try {
      mkdirSync(path.join(dir, 'functions'));
      writeFileSync(path.join(dir, 'functions', 'enrich.ts'), 'export const handler = async () => {};\n');
      for (const block of blocks) {
        const file = path.join(dir, 'millrace.yaml');
        writeFileSync(file, block);
        expect(loadConfig(file, {}).problems).toEqual([]);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
