/** Looks into zod schemas: which declaration stands behind a path, which keys it knows. */
import { z } from 'zod';
import { type FieldMeta, fieldMeta } from './field.ts';
import type { TreeNode } from './tree.ts';
import { child } from './tree.ts';

export type Schema = z.core.$ZodType;

/** Without default and optional around it. */
export function bare(schema: Schema): Schema {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodExactOptional) {
    inner = inner.def.innerType;
  }
  return inner;
}

/** The declaration's own words, wherever in the wrapping they were given. */
export function metaOf(schema: Schema): FieldMeta | undefined {
  let inner = schema;
  for (;;) {
    const meta = fieldMeta.get(inner);
    if (meta !== undefined) return meta;
    if (!(inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodExactOptional))
      return undefined;
    inner = inner.def.innerType;
  }
}

export function defaultOf(schema: Schema): unknown {
  return schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
}

/** A union's members for this value: the one that its `type` names, else those that could take a map (or no map). */
function members(schema: z.ZodUnion | z.ZodDiscriminatedUnion, node: TreeNode | undefined): readonly Schema[] {
  const options = schema.def.options;
  const type = child(node, 'type');
  const named = options.filter((option) => {
    if (!(option instanceof z.ZodObject) || type?.kind !== 'scalar') return false;
    const literal: unknown = option.def.shape['type'];
    return literal instanceof z.ZodLiteral && literal.def.values.includes(type.value as string);
  });
  if (named.length > 0) return named;
  return options.filter((option) => option instanceof z.ZodObject === (node?.kind === 'map'));
}

/** The shape that a value's keys are judged by; undefined when its keys are free. */
export function shapeFor(schema: Schema, node: TreeNode | undefined): Readonly<Record<string, Schema>> | undefined {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return inner.def.shape;
  if (inner instanceof z.ZodUnion || inner instanceof z.ZodDiscriminatedUnion) {
    const chosen = members(inner, node)[0];
    return chosen === undefined ? undefined : shapeFor(chosen, node);
  }
  return undefined;
}

/** Types of a discriminated union that know a key: for "belongs to type kafka". */
export function typesWithKey(schema: Schema, key: string): string[] {
  const inner = bare(schema);
  if (!(inner instanceof z.ZodDiscriminatedUnion)) return [];
  return inner.def.options.flatMap((option) => {
    if (!(option instanceof z.ZodObject) || !Object.hasOwn(option.def.shape, key)) return [];
    const literal: unknown = option.def.shape['type'];
    return literal instanceof z.ZodLiteral ? [String(literal.def.values[0])] : [];
  });
}

/** The schema one step further down. */
export function step(schema: Schema, key: string | number, node: TreeNode | undefined): Schema | undefined {
  const inner = bare(schema);
  if (inner instanceof z.ZodArray) return inner.def.element;
  if (inner instanceof z.ZodRecord) return inner.def.valueType;
  const shape = typeof key === 'string' ? shapeFor(inner, node) : undefined;
  // A key may be called what every object has: `toString`.
  return shape !== undefined && Object.hasOwn(shape, key) ? shape[key] : undefined;
}
