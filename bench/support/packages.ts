/** Bundles, made as a function's code is: packages from npm (those of examples/handlers) in three sizes, and functions of one's own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFunction } from '../../src/function/bundle.ts';

const HOME = fileURLToPath(new URL('../../examples/handlers/', import.meta.url));

export interface PackageBundle {
  readonly size: string;
  readonly packages: string;
  readonly code: string;
}

const MEDIUM = `import lodash from 'lodash'; import { addDays, format, parseISO } from 'date-fns'; import Ajv from 'ajv';`;

/** As a large function of one's own is: most of it is not run when it is loaded. */
const OWN = Array.from(
  { length: 3_300 },
  (_, n) => `function step${n}(order, rate) {
    const total = order.amount * rate + ${n}; return total > ${n} ? { total, step: 'step-${n}' } : null;
  }`,
).join('\n');

const SOURCES = {
  '5 kB': {
    packages: 'uuid',
    text: `import { v4, v7, validate } from 'uuid'; const all = [v4, v7, validate];`,
  },
  '500 kB': {
    packages: 'lodash, date-fns, ajv',
    text: `${MEDIUM} const all = [lodash, addDays, format, parseISO, Ajv];`,
  },
  '500 kB of functions': {
    packages: 'none: 3,300 small functions',
    text: `${OWN} const all = [${Array.from({ length: 3_300 }, (_, n) => `step${n}`).join(', ')}];`,
  },
  '5 MB': {
    packages: 'these, zod, axios, protobufjs, avsc, three AWS clients',
    text: `${MEDIUM} import * as locales from 'date-fns/locale'; import { z } from 'zod'; import * as zodLocales from 'zod/locales';
      import axios from 'axios'; import protobuf from 'protobufjs'; import avro from 'avsc'; import * as s3 from '@aws-sdk/client-s3';
      import * as dynamodb from '@aws-sdk/client-dynamodb'; import * as sqs from '@aws-sdk/client-sqs';
      const all = [lodash, addDays, format, parseISO, Ajv, locales, z, zodLocales, axios, protobuf, avro, s3, dynamodb, sqs];`,
  },
} as const;
export type Size = keyof typeof SOURCES;
export const SIZES = Object.keys(SOURCES) as Size[];

/** Needs `node scripts/setup.mjs examples/handlers` first. */
export async function packageBundle(size: Size): Promise<PackageBundle> {
  const { packages, text } = SOURCES[size];
  const dir = mkdtempSync(path.join(HOME, '.bench-'));
  try {
    const entry = path.join(dir, 'entry.mjs');
    // Names are looked at, so that the bundler keeps what they name.
    writeFileSync(entry, `${text}\nexport const handler = async () => all.map((one) => Object.keys(one).length);\n`);
    const located = { root: HOME, entry, exportPath: 'handler' };
    const { code } = await bundleFunction('bench', located);
    return { size, packages, code };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
