/** A daemon in miniature, with a port and a connection open: runs one function, says what of the hardening works for it, and keeps its child until its input ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { createSandbox } from '../../src/sandbox/pool.ts';
import { hardeningMeasures } from '../../src/sandbox/spawn.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-hardened-'));
const bundlePath = path.join(directory, 'bundle.js');
writeFileSync(bundlePath, 'exports.handler = async (event) => event');
// What a daemon has open: a port that it listens on, a connection to Redis. None of it is a child's to have.
const server = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const connection = connect((server.address() as AddressInfo).port, '127.0.0.1');
await new Promise((resolve) => connection.once('connect', resolve));
const refuse = () => Promise.resolve({ ok: false as const, error: { name: 'Error', message: '', code: '' } });
const sandbox = await createSandbox({
  cacheDir: directory,
  preludePath: null,
  egress: refuse,
  log: silentLog,
  spares: 0,
});
const outcome = await sandbox.invoke({
  version: {
    name: 'echo',
    hash: 'h',
    bundlePath,
    sourceMapPath: null,
    codeCachePath: null,
    exportPath: 'handler',
    handlerText: 'handler',
    memorySizeMb: 64,
    timeoutMs: 10_000,
    environment: {},
    networkAllow: [],
    secrets: [],
    concurrencyPerProcess: 1,
  },
  event: Buffer.from('7'),
  ascii: true,
  context: { requestId: 'r' },
  lease: null,
  log: () => undefined,
});
process.stdout.write(`${JSON.stringify({ measures: hardeningMeasures(), outcome })}\n`);
process.stdin.resume().once('end', () => {
  connection.destroy();
  server.close();
  void sandbox.close().then(() => rmSync(directory, { recursive: true, force: true }));
});
