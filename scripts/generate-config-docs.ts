/** Writes what is generated from the declarations of the fields: `node scripts/generate-config-docs.ts`. A test checks that it was run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { configJsonSchema } from '../src/mapping/json-schema.ts';
import { withReference } from '../src/mapping/reference.ts';

const schemaFile = new URL('../schema/millrace.schema.json', import.meta.url);
const docsFile = new URL('../docs/configuration.md', import.meta.url);

const style = { ...(await resolveConfig(schemaFile)), parser: 'json' };
writeFileSync(schemaFile, await format(JSON.stringify(configJsonSchema(), null, 2), style));
writeFileSync(docsFile, withReference(readFileSync(docsFile, 'utf8')));
