/** The JSON Schema that editors use for completion and checks: the declarations, written as schema/millrace.schema.json. */
import { z } from 'zod';
import { fieldMeta } from './field.ts';
import { configObject } from './fields.ts';

type Json = z.core.JSONSchema.JSONSchema;

/** Where a number, true/false or one of some words is wanted, an environment reference may stand as well. */
const REFERENCE = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}$' } as const;

export function configJsonSchema(): Json {
  const schema = z.toJSONSchema(configObject, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      const meta = fieldMeta.get(zodSchema);
      if (jsonSchema.type === 'integer' || jsonSchema.type === 'boolean' || jsonSchema.enum !== undefined) {
        allowReference(jsonSchema);
      }
      if (meta === undefined) return;
      jsonSchema.description =
        meta.later === undefined
          ? meta.about
          : `${meta.about}${/supported/.test(meta.about) ? '' : ' Not supported yet.'}`;
      if (meta.secret === true && jsonSchema.type === 'string') jsonSchema.writeOnly = true;
    },
  });
  return { title: 'Millrace configuration', ...schema };
}

function allowReference(jsonSchema: Json): void {
  const { default: fallback, description, ...rest } = jsonSchema;
  for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  Object.assign(
    jsonSchema,
    description === undefined ? {} : { description },
    fallback === undefined ? {} : { default: fallback },
  );
  jsonSchema.anyOf = [rest, { ...REFERENCE }];
}
