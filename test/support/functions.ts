/** Functions written to a directory of their own, bundled as the daemon does it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { FunctionSource } from '../../src/function/types.ts';

export interface TestFunctions {
  readonly root: string;
  readonly cacheDir: string;
  /** Writes the files (paths relative to a fresh directory) and answers that directory. */
  write(files: Record<string, string | Buffer>): string;
  /** A function whose code is one TypeScript file. */
  file(code: string, over?: Partial<FunctionSource>, name?: string): FunctionSource;
}

export function useFunctions(): TestFunctions {
  let root = '';
  let count = 0;
  beforeAll(() => {
    root = mkdtempSync(path.join(tmpdir(), 'millrace-function-'));
    // So that no package.json further up says what a .js file is.
    writeFileSync(path.join(root, 'package.json'), '{}');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const write = (files: Record<string, string | Buffer>): string => {
    const directory = path.join(root, `f${++count}`);
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(directory, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return directory;
  };
  return {
    get root() {
      return root;
    },
    get cacheDir() {
      return path.join(root, 'cache');
    },
    write,
    file: (code, over = {}, name = 'handler.ts') => source(path.join(write({ [name]: code }), name), over),
  };
}

export function source(code: string, over: Partial<FunctionSource> = {}): FunctionSource {
  return {
    name: 'enrich',
    code,
    handler: 'handler',
    memorySize: 128,
    timeout: 5,
    environment: {},
    network: { allow: [] },
    secretNames: [],
    concurrencyPerProcess: 1,
    loggingConfig: { systemLogLevel: 'WARN', applicationLogLevel: 'TRACE' },
    maximumZippedSizeInMB: 50,
    maximumUnzippedSizeInMB: 250,
    ...over,
  };
}
