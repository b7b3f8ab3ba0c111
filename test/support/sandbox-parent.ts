/** A daemon in miniature, to be killed: invokes a spinning handler and says which children it has. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { createSandbox } from '../../src/sandbox/pool.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-parent-'));
const bundlePath = path.join(directory, 'bundle.js');
writeFileSync(bundlePath, 'exports.handler = async () => { console.log("spinning"); for (;;); }');
const refuse = () => Promise.resolve({ ok: false as const, error: { name: 'Error', message: '', code: '' } });
const sandbox = await createSandbox({ cacheDir: directory, preludePath: null, egress: refuse, log: silentLog });
const version = {
  name: 'spin',
  hash: 'h',
  bundlePath,
  sourceMapPath: null,
  codeCachePath: null,
  exportPath: 'handler',
  handlerText: 'handler',
  memorySizeMb: 64,
  timeoutMs: 60_000,
  environment: {},
  networkAllow: [],
  secrets: [],
  concurrencyPerProcess: 1,
};
const log = (line: { readonly text: string }): boolean => process.stdout.write(`${line.text} ${directory}\n`);
await sandbox.invoke({ version, event: Buffer.from('{}'), ascii: true, context: { requestId: 'r' }, lease: null, log });
