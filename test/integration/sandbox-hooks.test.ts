/** The hooks that the prelude builds on, seen through a prelude that hands them to the handler. */
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { FETCHES_IN_FLIGHT_MAX } from '../../src/limits.ts';
import type { EgressCall, EgressRequest, EgressResult } from '../../src/sandbox/egress/port.ts';
import { errorOf, resultOf, useSandbox } from '../support/sandbox.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-hooks-'));
const preludePath = path.join(directory, 'prelude.js');
writeFileSync(
  preludePath,
  `(() => {
    const hooks = globalThis.__millrace;
    globalThis.hooks = hooks;
    hooks.setFormatter((args) => 'formatted ' + args.join('|'));
    hooks.setRequire((name) => ({ name }));
    globalThis.send = (url, body = null, extra = {}) => new Promise((resolve, reject) => {
      const id = hooks.startFetch({ method: 'POST', url, headers: [['a', 'b']], redirect: 'follow', ...extra }, body, (error, head, bytes) => error ? reject(Object.assign(new Error(error.message), error)) : resolve({ ...head, bytes: [...bytes] }));
      globalThis.lastId = id;
    });
  })()`,
);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let calls: { request: EgressRequest; call: EgressCall }[] = [];
let answer: (request: EgressRequest, call: EgressCall) => Promise<EgressResult>;
const head = { status: 200, statusText: 'OK', url: 'http://x/', redirected: false, headers: [['h', 'v']] as const };

const box = useSandbox({
  preludePath,
  // What is in reserve rehearses with modules and globals that this prelude has not.
  spares: 0,
  egress: (request, call) => {
    calls.push({ request, call });
    return answer(request, call);
  },
});

beforeEach(() => {
  calls = [];
  answer = ({ body }) => Promise.resolve({ ok: true, head, body: body ?? Buffer.alloc(0) });
});

describe('requests', () => {
  test('cross with head and body, and come back', async () => {
    const context = { requestId: 'r-1' };
    const version = box.version(
      'exports.handler = async () => { const b = new Uint8Array(300).map((_, i) => i); return [await send("http://x/", b), await send("http://y/")] }',
    );
    const [first, second] = resultOf(await box.invoke(version, {}, { context })) as [
      { bytes: number[] },
      { bytes: number[] },
    ];
    expect(first).toMatchObject({
      status: 200,
      headers: [['h', 'v']],
      bytes: Array.from({ length: 300 }, (_, i) => i & 255),
    });
    expect(second.bytes).toEqual([]);
    expect(calls.map(({ request }) => [request.head, request.body?.length ?? null])).toEqual([
      [{ method: 'POST', url: 'http://x/', headers: [['a', 'b']], redirect: 'follow' }, 300],
      [{ method: 'POST', url: 'http://y/', headers: [['a', 'b']], redirect: 'follow' }, null],
    ]);
    expect(calls[0]!.call).toMatchObject({ context, lease: null, version: { hash: version.hash } });
  });

  test('that are refused, or end in a defect, reject', async () => {
    answer = ({ head: { url } }) =>
      url === 'refuse'
        ? Promise.resolve({ ok: false, error: { name: 'TypeError', message: 'not listed', code: 'ERR_EGRESS' } })
        : Promise.reject(new Error('defect'));
    const code =
      'exports.handler = async (e) => { try { return await send(e) } catch (x) { return [x.name, x.message, x.code] } }';
    expect(resultOf(await box.once(code, 'refuse'))).toEqual(['TypeError', 'not listed', 'ERR_EGRESS']);
    expect(resultOf(await box.once(code, 'break'))).toEqual(['Error', 'defect', 'ERR_EGRESS']);
  });

  test('are bounded in flight, and all of them are answered', async () => {
    let open = 0;
    let most = 0;
    // However slowly they come: none is answered before as many are open as may be.
    const { promise: full, resolve: onFull } = Promise.withResolvers<void>();
    answer = async () => {
      most = Math.max(most, ++open);
      if (open === FETCHES_IN_FLIGHT_MAX) onFull();
      await full;
      await new Promise((resolve) => setTimeout(resolve, 2));
      open--;
      return { ok: true, head, body: Buffer.from('x') };
    };
    const code =
      'exports.handler = async () => (await Promise.all(Array.from({ length: 300 }, () => send("u")))).length';
    expect(resultOf(await box.once(code))).toBe(300);
    expect(most).toBe(FETCHES_IN_FLIGHT_MAX);
    const flood = `exports.handler = async () => { for (;;) hooks.startFetch({ method: 'GET', url: 'u', headers: [], redirect: 'follow' }, null, () => {}) }`;
    expect(errorOf(await box.once(flood)).error.errorMessage).toBe('too many requests are open');
    expect(errorOf(await box.once('exports.handler = async () => send("u".repeat(1e6))')).error.errorType).toBe(
      'RangeError',
    );
    expect(
      errorOf(await box.once('exports.handler = async () => send("u", new Uint8Array(7e6))')).error.errorType,
    ).toBe('RangeError');
  });

  test('are cancelled by the handler, by its end, and by its timeout', async () => {
    const aborted: string[] = [];
    answer = ({ head: { url } }, { signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => aborted.push(url));
      });
    expect(
      errorOf(
        await box.once(
          'exports.handler = async () => { send("cancelled"); hooks.cancelFetch(lastId); await new Promise(() => {}) }',
        ),
      ).error.errorType,
    ).toBe('Runtime.NodeJsExit');
    expect(resultOf(await box.once('exports.handler = async () => { send("left"); return 1 }'))).toBe(1);
    expect(
      errorOf(await box.once('exports.handler = async () => { await send("late") }', {}, { timeoutMs: 200 })).metric,
    ).toBe('timeout');
    expect(aborted).toEqual(['cancelled', 'left', 'late']);
  });

  test('a malformed one ends the child, as one that left its protocol', async () => {
    const { metric, error } = errorOf(await box.once('exports.handler = async () => send(5)'));
    expect(metric).toBe('killed');
    expect(error.errorType).toBe('Runtime.ExitError');
  });
});

describe('the other hooks', () => {
  test('digests, randomness, clocks, heap, formatter, require, environment', async () => {
    const version = box.version(
      `exports.handler = async () => {
        const text = (u) => [...u].map((b) => b.toString(16).padStart(2, '0')).join('');
        const bytes = new Uint8Array([1, 2, 3, 250]);
        console.log('a', 1);
        return {
          md5: text(hooks.digest('md5', bytes)), sha512: text(hooks.digest('sha512', bytes)), hmac: text(hooks.hmac('sha256', bytes, bytes)),
          unknown: (() => { try { hooks.digest('md4', bytes) } catch (e) { return e.name } })(),
          random: [hooks.randomBytes(0).length, hooks.randomBytes(65536).length, new Set(hooks.randomBytes(64)).size > 20],
          tooMuch: (() => { try { hooks.randomBytes(65537) } catch (e) { return e.name } })(),
          mono: Number.isInteger(hooks.monoMs()), heap: hooks.heapStatistics().heapUsed > 1e5, limit: hooks.memoryLimitMb,
          required: require('node:fs'), environment: hooks.environment, hidden: '__millrace' in globalThis, node: hooks.nodeVersion,
        };
      }`,
      { environment: { STAGE: 'prod' } },
    );
    const invoked = await box.invoke(version);
    const bytes = Buffer.from([1, 2, 3, 250]);
    expect(resultOf(invoked)).toEqual({
      md5: createHash('md5').update(bytes).digest('hex'),
      sha512: createHash('sha512').update(bytes).digest('hex'),
      hmac: createHmac('sha256', bytes).update(bytes).digest('hex'),
      unknown: 'RangeError',
      random: [0, 65536, true],
      tooMuch: 'RangeError',
      mono: true,
      heap: true,
      limit: 64,
      required: { name: 'node:fs' },
      environment: {
        STAGE: 'prod',
        _HANDLER: 'index.handler',
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${version.name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/) as string,
      },
      hidden: false,
      node: process.version,
    });
    expect(invoked.logs[0]!.text).toBe('formatted a|1');
  });

  test('exit ends the child as Lambda reports it', async () => {
    const context = { requestId: 'r-2' };
    const version = box.version('exports.handler = async (e) => { hooks.exit(e) }');
    expect(errorOf(await box.invoke(version, 3, { context })).error).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: 'RequestId: r-2 Error: Runtime exited with error: exit status 3',
    });
    expect(errorOf(await box.invoke(version, 0, { context })).error.errorMessage).toBe(
      'RequestId: r-2 Error: Runtime exited without providing a reason',
    );
  });
});
