/** The reference tables of the documentation, from the declarations. */
import { z } from 'zod';
import { configObject } from './fields.ts';
import { type Schema, bare, defaultOf, metaOf } from './schema-walk.ts';

const REFERENCE_BEGIN = '<!-- generated from src/mapping/fields: begin -->';
const REFERENCE_END = '<!-- generated from src/mapping/fields: end -->';

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** Every declared field with its path; `<name>` stands for a name that the user chooses. */
export function declaredFields(): Row[] {
  return rows(configObject, '', false);
}

function rows(schema: Schema, path: string, required: boolean): Row[] {
  const inner = bare(schema);
  const own = metaOf(schema) === undefined || path === '' ? [] : [{ path, schema, required }];
  return [...own, ...below(inner, path)];
}

function below(inner: Schema, path: string): Row[] {
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.def.shape).flatMap(([key, child]) =>
      rows(child, path === '' ? key : `${path}.${key}`, isRequired(child)),
    );
  }
  if (inner instanceof z.ZodRecord) return below(bare(inner.def.valueType), `${path}.<name>`);
  if (inner instanceof z.ZodUnion || inner instanceof z.ZodDiscriminatedUnion) {
    return inner.def.options.flatMap((option) => (isLaterOption(option) ? [] : below(bare(option), path)));
  }
  return [];
}

function isLaterOption(option: Schema): boolean {
  return (
    option instanceof z.ZodObject && Object.values(option.def.shape).some((child) => metaOf(child)?.later !== undefined)
  );
}

function isRequired(schema: Schema): boolean {
  return !(schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional);
}

function valueText(schema: Schema, unit: string | undefined): string {
  const inner = bare(schema);
  const meta = metaOf(schema);
  const fallback = defaultOf(schema);
  if (meta?.later !== undefined && inner instanceof z.ZodEnum && fallback === undefined) {
    const supported = Object.values(inner.def.entries).filter(meta.later.isOff);
    return supported.map((value) => `\`${value}\``).join(', ');
  }
  if (meta?.later !== undefined)
    return fallback === undefined ? 'not supported yet' : `only \`${String(fallback)}\` yet`;
  if (inner instanceof z.ZodEnum) {
    return Object.values(inner.def.entries)
      .map((value) => `\`${value}\``)
      .join(', ');
  }
  if (inner instanceof z.ZodBoolean) return '`true`, `false`';
  if (inner instanceof z.ZodNumber) return rangeText(inner, unit);
  if (inner instanceof z.ZodArray) return `list of ${valueText(inner.def.element, undefined)}`;
  if (inner instanceof z.ZodDiscriminatedUnion) return `map, ${typeNames(inner).join(' or ')}`;
  if (inner instanceof z.ZodRecord || inner instanceof z.ZodObject) return 'map';
  return meta?.expects ?? 'text';
}

function typeNames(union: z.ZodDiscriminatedUnion): string[] {
  return union.def.options.flatMap((option) => {
    if (isLaterOption(option) || !(option instanceof z.ZodObject)) return [];
    const type: unknown = option.def.shape['type'];
    return type instanceof z.ZodLiteral ? [`\`type: ${String(type.def.values[0])}\``] : [];
  });
}

function rangeText(schema: z.ZodNumber, unit: string | undefined): string {
  const { minValue, maxValue } = schema;
  // The record age has a hole in its range: -1 is good, 0 is not.
  const range = schema.safeParse(0).success || minValue !== -1 ? `${minValue} – ${maxValue}` : `-1, 60 – ${maxValue}`;
  return unit === undefined ? range : `${range} ${unit}`;
}

function defaultText(row: Row): string {
  if (row.required) return '**required**';
  const fallback = defaultOf(row.schema);
  return fallback === undefined ? '–' : `\`${JSON.stringify(fallback).replace(/^"(.*)"$/, '$1')}\``;
}

const SECTIONS: readonly { title: string; prefix: string }[] = [
  { title: 'The file', prefix: '' },
  { title: 'Connections', prefix: 'connections.<name>.' },
  { title: 'Functions', prefix: 'functions.<name>.' },
  { title: 'Mappings', prefix: 'mappings.<name>.' },
];

/** Markdown between the two marks, marks included. */
export function referenceMarkdown(): string {
  const all = declaredFields();
  const sections = SECTIONS.map(({ title, prefix }) => {
    const own = all.filter((row) => (prefix === '' ? !row.path.includes('<name>') : row.path.startsWith(prefix)));
    const lines = own.map((row) => {
      const cells = [
        `\`${row.path.slice(prefix.length)}\``,
        valueText(row.schema, metaOf(row.schema)?.unit),
        defaultText(row),
        metaOf(row.schema)!.about,
        `\`${metaOf(row.schema)!.example}\``,
      ];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
    const heading = prefix === '' ? `### ${title}` : `### ${title}: \`${prefix.slice(0, -1)}\``;
    return [
      heading,
      '',
      '| field | value | default | what it does | example |',
      '| --- | --- | --- | --- | --- |',
      ...lines,
    ].join('\n');
  });
  return [REFERENCE_BEGIN, '', sections.join('\n\n'), '', REFERENCE_END].join('\n');
}

/** The document with what is between its marks brought up to date. */
export function withReference(document: string): string {
  const begin = document.indexOf(REFERENCE_BEGIN);
  const end = document.indexOf(REFERENCE_END);
  if (begin === -1 || end < begin) throw new Error('the document has no marks for the reference tables');
  return document.slice(0, begin) + referenceMarkdown() + document.slice(end + REFERENCE_END.length);
}
