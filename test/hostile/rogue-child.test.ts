/**
 * What the daemon makes of a child that an attacker has taken over whole. It holds the wire and nothing else, so this is what it can do: send.
 * For each: the outcome in time, this process neither held up nor filled, an innocent function in another child undisturbed.
 */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SandboxChild } from '../../src/sandbox/child-process.ts';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import { INVOKE } from '../../src/sandbox/protocol.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { parseResponse } from '../../src/unit/response.ts';
import { rogueProgram } from '../support/rogue-child.ts';
import { errorOf, type Invoked, isRunning, makeSandbox, resultOf, useSandbox } from '../support/sandbox.ts';

const MB = 1024 * 1024;
/** What this process may hold for one child at its worst: two bodies, a frame that is arriving, and copies of them. */
const HELD_MAX = 64 * MB;
/** The event loop turns meanwhile; generous, because other programs may have the cores. */
const STALL_MAX_MS = 2_000;
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-rogue-'));
const innocents = useSandbox({ spares: 0 });
const egress = createEgress();
let innocent: FunctionVersion;
const BODY = Buffer.alloc(6 * MB, 'x');
let bodies = 0;
const server = createServer((request, response) => {
  bodies++;
  request.resume().once('end', () => {
    if (request.url === '/silent') return;
    response.end(BODY);
  });
});
let origin = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  innocent = innocents.version('exports.handler = async (e) => e', { timeoutMs: 10_000 });
  expect(resultOf(await innocents.invoke(innocent, 1))).toBe(1);
});
afterAll(() => {
  egress.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Attacked extends Invoked {
  readonly tookMs: number;
  /** Buffers of this process at their highest, above what there were before. */
  readonly heldBytes: number;
  /** Longest time for which this event loop did not turn. */
  readonly stallMs: number;
}

let programs = 0;

/** Runs one invocation on a child whose program does `attack`, an innocent function beside it all the time. */
async function attacked(attack: string, timeoutMs = 4_000): Promise<Attacked> {
  const childProgram = path.join(directory, `rogue-${++programs}.cjs`);
  writeFileSync(childProgram, rogueProgram(attack));
  const box = await makeSandbox({ childProgram, egress, spares: 0 });
  const version = box.version('', { timeoutMs, networkAllow: [origin.slice('http://'.length)] });
  const before = process.memoryUsage().arrayBuffers;
  let heldBytes = 0;
  const look = setInterval(() => {
    heldBytes = Math.max(heldBytes, process.memoryUsage().arrayBuffers - before);
  }, 5);
  let over = false;
  const beside = (async () => {
    for (let n = 0; !over; n++) expect(resultOf(await innocents.invoke(innocent, n))).toBe(n);
  })();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const started = performance.now();
  try {
    const invoked = await box.invoke(version, { origin });
    return { ...invoked, tookMs: performance.now() - started, heldBytes, stallMs: delay.max / 1e6 };
  } finally {
    delay.disable();
    clearInterval(look);
    over = true;
    await beside;
    await box.close();
  }
}

function expectBounded(of: Attacked, timeoutMs = 4_000): void {
  // The start of the child is in it.
  expect(of.tookMs).toBeLessThan(timeoutMs + 5_000);
  expect(of.heldBytes).toBeLessThan(HELD_MAX);
  expect(of.stallMs).toBeLessThan(STALL_MAX_MS);
}

describe('a child that leaves its protocol is ended, and the attempt has failed:', () => {
  test.each([
    ['log lines without end', `for (;;) send(LOG, 2, 'x')`],
    ['empty log lines without end', `for (;;) send(LOG, 2)`],
    ['the largest log lines without end', `const line = 'y'.repeat(8192); for (;;) send(LOG, 2, line)`],
    ['a log line above its bound', `send(LOG, 2, 'x'.repeat(8193)); for (;;) next()`],
    ['a result in crumbs', `raw(header(RESULT, 0, 6e6)); for (;;) raw(Buffer.alloc(1))`],
    ['a head in crumbs', `for (;;) raw(Buffer.from([1])), wait(0)`],
    ['a length of 4 GB', `raw(header(RESULT, 0, 0xffffffff)); for (;;) next()`],
    ['a result above its bound', `raw(header(RESULT, 0, 7e6)); for (;;) next()`],
    ['an unknown type', `send(99, 0); for (;;) next()`],
    ["a type of the daemon's own", `send(2, 0, 'x'); for (;;) next()`],
    ['reserved bytes', `raw(Buffer.from([0, 0, 0, 0, LOG, 0, 1, 0])); for (;;) next()`],
    ['noise', `for (;;) raw(require('node:crypto').randomBytes(65536))`],
    ['READY once more', `send(READY, 0); for (;;) next()`],
    ['the answer to another job', `send(INIT_DONE, 0); for (;;) next()`],
    ['code caches', `send(COMPILED, 0, pack('evil')); for (;;) next()`],
    ['a result without its number', `send(RESULT, 0, 'x'); for (;;) next()`],
    ['cancelling without end', `for (let id = 0; ; id++) send(FETCH_CANCEL, 0, u32(id))`],
    ['a request without parts', `send(FETCH, 0, u32(1)); for (;;) next()`],
    ['a request whose part is cut', `send(FETCH, 0, u32(1), u32(100), 'abc'); for (;;) next()`],
    ['a request head that is no JSON', `send(FETCH, 0, u32(1), pack('{', '')); for (;;) next()`],
    ['a request head of brackets', `send(FETCH, 0, u32(1), pack('['.repeat(190000), '')); for (;;) next()`],
    [
      'a request head of other types',
      `send(FETCH, 0, u32(1), pack('{"method":5,"url":{},"headers":{},"redirect":1}', '')); for (;;) next()`,
    ],
    [
      'a request id twice',
      `fetchFrame(1, event.origin + '/silent', 'a'); fetchFrame(1, event.origin + '/silent', 'a'); for (;;) next()`,
    ],
    [
      'more requests at a time than it may',
      `for (let id = 0; id < 40; id++) fetchFrame(id, event.origin + '/silent', 'a'); for (;;) next()`,
    ],
    [
      'more bytes at a time than it may',
      `const body = Buffer.alloc(6e6); for (let id = 0; id < 8; id++) fetchFrame(id, event.origin + '/silent', body); for (;;) next()`,
    ],
    [
      'refused requests without end',
      `for (let id = 0; ; id++) { fetchFrame(id, 'http://10.0.0.1/', 'a'); if (id > 20) next() }`,
    ],
    ['a flood on standard error', `const text = Buffer.alloc(65536, 'e'); for (;;) fs.writeSync(2, text)`],
    ['its pipe closed', `fs.closeSync(3); wait(60000)`],
  ])(
    '%s',
    async (_name, attack) => {
      const got = await attacked(attack, 60_000);
      const { metric, error } = errorOf(got);
      expect(metric).toBe('killed');
      expect(error.errorType).toBe('Runtime.ExitError');
      expect(error.errorMessage).toMatch(
        /^RequestId: \S+ Error: the function broke out of its protocol and was ended$/,
      );
      expectBounded(got, 60_000);
    },
    90_000,
  );

  test('answering twice costs the child, not the first answer', async () => {
    const got = await attacked(`result('1'); result('2'); for (;;) next()`);
    expect(resultOf(got)).toBe(1);
    expectBounded(got);
  });
});

describe('a child that keeps to the letter', () => {
  test('and dribbles is ended by the clock, and held by no more than it sent', async () => {
    const got = await attacked(`raw(header(RESULT, 0, 6e6)); for (;;) { raw(Buffer.alloc(64)); wait(20) }`, 1_500);
    expect(errorOf(got).metric).toBe('timeout');
    expect(got.heldBytes).toBeLessThan(16 * MB);
    expectBounded(got, 1_500);
  });

  test('and never reads gets no more bodies than one invocation may hold', async () => {
    bodies = 0;
    const attack = `for (let id = 0; id < 30; id++) fetchFrame(id, event.origin + '/', 'a'); wait(60000)`;
    const got = await attacked(attack);
    expect(errorOf(got).metric).toBe('timeout');
    // All were sent; eight bodies of 6 MB were read, and the other servers had to wait.
    expect(bodies).toBe(30);
    expect(got.heldBytes).toBeLessThan(120 * MB);
    expectBounded({ ...got, heldBytes: 0 });
    // All that was reserved came back with the end of the child.
    await expect.poll(() => egress.heldBytes()).toBe(0);
  });

  test.each([
    ['brackets', `'['.repeat(6291000)`],
    ['no JSON', `'x'.repeat(6291000)`],
    ['no UTF-8', `Buffer.alloc(6291000, 0xff)`],
    ['a list of items', `'{"batchItemFailures":[' + '{"itemIdentifier":"1"},'.repeat(270000) + '0]}'`],
    ['a million keys', `'{' + Array.from({ length: 500000 }, (_, i) => '"k' + i + '":1').join() + '}'`],
  ])('and answers with 6 MB of %s: read as text, looked through without parsing', async (_name, text) => {
    const got = await attacked(`send(RESULT, 0, u32(0), ${text}); for (;;) next()`, 10_000);
    expect(got.outcome.kind).toBe('ok');
    expectBounded(got, 10_000);
    const { result } = got.outcome as Extract<typeof got.outcome, { kind: 'ok' }>;
    const before = performance.now();
    parseResponse(result);
    expect(performance.now() - before).toBeLessThan(500);
  });

  test.each([
    ['brackets', `'['.repeat(60000)`],
    ['other types', `'{"errorType":{},"errorMessage":[],"trace":5}'`],
    ['no UTF-8', `Buffer.alloc(60000, 0xff)`],
    ['a stack of other types', `'{"errorType":"E","errorMessage":"m","trace":[{}]}'`],
  ])('and fails with an error of %s: a sentence instead', async (_name, text) => {
    const { error } = errorOf(await attacked(`send(FAILURE, 0, u32(0), ${text}); for (;;) next()`));
    expect(error.errorMessage).toBe('the function failed with an error that cannot be read');
  });

  test('and logs what is no UTF-8 at a level that is none: text, at level info', async () => {
    const { logs, outcome } = await attacked(
      `send(LOG, 200, Buffer.from([0xff, 0x41, 0xc0])); result('1'); for (;;) next()`,
    );
    expect(outcome.kind).toBe('ok');
    expect(logs).toMatchObject([{ level: 'info', text: '\ufffdA\ufffd' }]);
  });
});

test('processes that a child started end with it, and nobody waits for the pipes that they hold', async () => {
  const program = path.join(directory, 'forks.cjs');
  const fork = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: [0, 1, 2, 3] }).pid`;
  writeFileSync(program, rogueProgram(`send(LOG, 2, String(${fork})); process.kill(process.pid, 'SIGKILL')`));
  const child = new SandboxChild(
    spawn(process.execPath, [program], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], detached: true }),
  );
  expect(await child.ready).toBe(true);
  let grandchild = 0;
  const ports = {
    log: (_level: number, text: string) => void (grandchild = Number(text)),
    fetch: () => undefined,
    fetchCancel: () => undefined,
  };
  const started = performance.now();
  const end = await child.run(INVOKE, 0, [Buffer.from([0, 0, 0, 0]), Buffer.from('{}')], ports);
  expect(end).toMatchObject({ kind: 'lost', signal: 'SIGKILL' });
  expect(performance.now() - started).toBeLessThan(8_000);
  expect(grandchild).toBeGreaterThan(0);
  await expect.poll(() => isRunning(grandchild)).toBe(false);
});
