/**
 * How a field is declared, once: a zod schema (type, range, default) with what people need to know of it. Parser, defaults,
 * TypeScript types, diagnostics, the JSON Schema for editors and the reference table all come from these declarations.
 */
import { z } from 'zod';

export interface FieldMeta {
  /** One or two sentences for the reference table and the editor. */
  readonly about: string;
  /** A good value, as YAML text. */
  readonly example: string;
  /** For diagnostics: `seconds`, `MB`, `bytes`. The unit of a number is never part of its value. */
  readonly unit?: string;
  /** The value must never be shown. */
  readonly secret?: boolean;
  /** Redis keeps the value under the mapping's name (product.md, "Namespaces and mappings"). */
  readonly pinned?: boolean;
  /** Names that people bring from elsewhere; the diagnostics of an unknown key point here. */
  readonly alsoCalled?: readonly string[];
  /** What a value has to look like, where the type alone does not tell. Completes "must be …". */
  readonly expects?: string;
  /** Known, but not supported yet: what it is called in the message, and which value is AWS's "off". */
  readonly later?: { readonly feature: string; readonly isOff: (value: unknown) => boolean };
}

export const fieldMeta = z.registry<FieldMeta>();

/** Declares a field. Apply last, on the schema with its default. */
export function field<S extends z.ZodType>(schema: S, meta: FieldMeta): S {
  if (fieldMeta.has(schema)) throw new Error(`one schema declares two fields: ${fieldMeta.get(schema)!.about}`);
  fieldMeta.add(schema, meta);
  return schema;
}

/** A whole number in a range; the message names both ends. */
export function integer(min: number, max: number, unit?: string): z.ZodInt {
  const of = unit === undefined ? '' : ` ${unit}`;
  const error = `must be from ${min} to ${max}${of}`;
  return z
    .int({ error: (issue) => (issue.code === 'invalid_type' ? undefined : error) })
    .min(min, { error })
    .max(max, { error });
}

/** Text that is not empty and holds no control characters. */
export function text(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(maxLength, { error: `must have at most ${maxLength} characters` })
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: 'must not contain control characters' });
}

/** Adds a rule of our own to text: `check` answers what is wrong, as "must …", with an optional hint, or undefined. */
export interface TextFault {
  readonly message: string;
  readonly hint?: string;
}
export function checked(
  schema: z.ZodString,
  code: string,
  check: (value: string) => TextFault | undefined,
): z.ZodString {
  return schema.check((ctx) => {
    const fault = check(ctx.value);
    if (fault === undefined) return;
    ctx.issues.push({ code: 'custom', input: ctx.value, message: fault.message, params: { code, hint: fault.hint } });
  });
}
