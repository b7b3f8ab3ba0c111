/** The table of Node's modules is that of the isolate; and the small modules, beside Node's own. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { NODE_MAJOR } from '../../scripts/module-table.ts';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';
import { ROOT } from '../support/house/files.ts';

const box = useRuntime();
const run = promisify(execFile);

test('docs/handlers.md has the modules and members that an isolate has', async () => {
  expect(readFileSync(path.join(ROOT, 'docs', 'handlers.md'), 'utf8')).toContain(`of those of Node ${NODE_MAJOR}`);
  // Another Node has other members. And a process of its own: vitest changes Node's modules.
  if (Number(process.versions.node.split('.')[0]) !== NODE_MAJOR) return;
  const { stdout } = await run(process.execPath, ['scripts/generate-module-table.ts', '--check'], { cwd: ROOT });
  expect(stdout).toBe('');
});

const CASES: Readonly<Record<string, string>> = {
  addresses: `
    const net = require('net');
    return ['1.2.3.4', '1.2.3', '256.1.1.1', '01.2.3.4', '::1', '::', '1::2::3', '::ffff:1.2.3.4', 'fe80::1%eth0', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '12345::', 'x', '', '1:2:3:4:5:6:7:8:9', '::1.2.3', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:1.2.3.4'].map((t) => [net.isIP(t), net.isIPv4(t), net.isIPv6(t)])`,
  lines: `
    const rl = require('readline');
    const { Readable } = require('stream');
    const lines = [];
    for await (const l of rl.createInterface({ input: Readable.from(['one\\ntw', 'o\\r\\nthree\\r', '\\nfour']), crlfDelay: Infinity })) lines.push(l);
    const ev = [];
    await new Promise((r) => { const i = rl.createInterface(Readable.from([Buffer.from('a\\nb\\n')]));
    i.on('line', (l) => ev.push(l));
    i.on('close', r) });
    return [lines, ev]`,
  'a question': `
    const rl = require('readline/promises');
    const { PassThrough } = require('stream');
    const input = new PassThrough();
    const output = new PassThrough();
    const i = rl.createInterface({ input, output });
    setTimeout(() => input.write('me\\n'), 5);
    const a = await i.question('who? ');
    i.close();
    return [a, output.read().toString()]`,
  'marks, measures and observers': `
    const { performance: p, PerformanceObserver } = require('perf_hooks');
    const got = [];
    const o = new PerformanceObserver((l) => { for (const e of l.getEntries()) got.push(e.name) });
    o.observe({ entryTypes: ['measure'] });
    p.mark('a', { startTime: 1 });
    p.mark('b', { startTime: 5, detail: { x: 1 } });
    const m = p.measure('m', 'a', 'b');
    const m2 = p.measure('n', { start: 'a', duration: 3 });
    await new Promise((r) => setTimeout(r, 10));
    o.disconnect();
    const say = (f) => { try { f() } catch (e) { return e.name } };
    return [m.duration, m.startTime, m2.duration, got, p.getEntriesByType('mark').map((e) => e.name), p.getEntriesByName('b')[0].detail, say(() => p.measure('q', 'nothing')), typeof p.now(), p === performance, (p.clearMarks('a'), p.getEntriesByType('mark').length)]`,
  'a lone process': `
    const w = require('worker_threads');
    const c = require('cluster');
    const v = require('v8');
    const d = require('dns');
    return [w.isMainThread, w.threadId, w.parentPort, c.isPrimary, c.isWorker, typeof v.getHeapStatistics().heap_size_limit, d.NOTFOUND, d.promises.CANCELLED, require('sys') === require('util'), require('constants').O_RDONLY]`,
  createRequire: `
    const { createRequire, builtinModules, isBuiltin } = require('module');
    const r = createRequire('/x/y.js');
    return [r('path').join('a', 'b'), isBuiltin('node:fs'), isBuiltin('nope'), builtinModules.includes('http'), builtinModules.includes('net')]`,
};
test.each(Object.entries(CASES))('%s', async (_name, body) => {
  expect(resultOf(await box.run(body))).toEqual(await inNode(body));
});

describe('what stands for something outside of the isolate', () => {
  const SOCKETS = /there are no sockets in the sandbox: use fetch, to hosts that network.allow lists\.$/;
  test.each([
    [`require('net').connect(1)`, SOCKETS],
    [`new (require('net').Socket)()`, SOCKETS],
    [`require('net').createServer()`, SOCKETS],
    [`require('tls').connect(1)`, SOCKETS],
    [`require('dgram').createSocket('udp4')`, SOCKETS],
    [`require('http2').connect('x')`, SOCKETS],
    [`require('dns').lookup('a', () => {})`, /names are resolved by fetch alone\.$/],
    [`require('dns').promises.resolve4('a')`, /names are resolved by fetch alone\.$/],
    [`require('dns/promises').lookup('a')`, /names are resolved by fetch alone\.$/],
    [`require('child_process').execSync('ls')`, /there are no processes in the sandbox\.$/],
    [`require('cluster').fork()`, /there are no processes in the sandbox\.$/],
    [`new (require('worker_threads').Worker)('x')`, /there are no threads in the sandbox\.$/],
    [`require('vm').runInNewContext('1')`, /not available in the sandbox\.$/],
  ])('%s is refused with a sentence, and can be imported and extended', async (code, sentence) => {
    const result = await box.run(
      `class X extends require('net').Socket {} try { ${code}; return 'ok' } catch (error) { return [error.code, error.message] }`,
    );
    expect(resultOf(result)).toEqual(['ERR_MILLRACE_UNSUPPORTED', expect.stringMatching(sentence) as string]);
  });
});
