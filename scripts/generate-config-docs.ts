/** Writes what is generated from the declarations of the fields: `node scripts/generate-config-docs.ts`. A test checks that it was run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configJsonSchemaText } from '../src/mapping/json-schema.ts';
import { withReference } from '../src/mapping/reference.ts';

const schemaFile = new URL('../schema/millrace.schema.json', import.meta.url);
const docsFile = new URL('../docs/configuration.md', import.meta.url);

writeFileSync(schemaFile, configJsonSchemaText());
writeFileSync(docsFile, withReference(readFileSync(docsFile, 'utf8')));
