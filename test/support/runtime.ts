/** The sandbox with its prelude, and a gateway that answers with what it was asked. */
import { afterAll, beforeAll } from 'vitest';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import type { Egress } from '../../src/sandbox/egress/port.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Invoked, type InvokeSettings, makeSandbox } from './sandbox.ts';

export { errorOf, resultOf } from './sandbox.ts';

export interface TestRuntime {
  version(code: string, over?: Partial<FunctionVersion>): FunctionVersion;
  invoke(version: FunctionVersion, event?: unknown, settings?: InvokeSettings): Promise<Invoked>;
  /** The first invocation of a version of its own. */
  once(code: string, event?: unknown, over?: Partial<FunctionVersion>): Promise<Invoked>;
  /** Runs the body of an async function of `event` in an isolate of its own. */
  run(body: string, event?: unknown, over?: Partial<FunctionVersion>): Promise<Invoked>;
}

/** Answers 200 with the request as JSON; `/fail` fails. */
const echo: Egress = ({ head, body }) =>
  Promise.resolve(
    head.url.endsWith('/fail')
      ? { ok: false, error: { name: 'EgressRefused', message: 'not listed', code: 'ERR_EGRESS_REFUSED' } }
      : {
          ok: true,
          head: {
            status: head.url.endsWith('/gone') ? 410 : 200,
            statusText: 'Said',
            url: head.url,
            redirected: false,
            headers: [
              ['content-type', 'application/json'],
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
            ],
          },
          body: Buffer.from(JSON.stringify({ ...head, body: body === null ? null : body.toString('latin1') })),
        },
  );

export function useRuntime(egress: Egress = echo): TestRuntime {
  let made: Awaited<ReturnType<typeof makeSandbox>>;
  let cacheDir = '';
  beforeAll(async () => {
    cacheDir = mkdtempSync(path.join(tmpdir(), 'millrace-runtime-'));
    made = await makeSandbox({ preludePath: (await buildPrelude(cacheDir)).path, egress });
  });
  afterAll(async () => {
    await made.close();
    rmSync(cacheDir, { recursive: true, force: true });
  });
  return {
    version: (...args) => made.version(...args),
    invoke: (...args) => made.invoke(...args),
    once: (...args) => made.once(...args),
    run: (body, event, over) => made.once(`exports.handler = async (event) => { ${body} }`, event, over),
  };
}

/** What the same body gives in the Node that runs the tests, by way of JSON as a result of a handler has it. */
export async function inNode(body: string, event: unknown = {}): Promise<unknown> {
  const require = createRequire(import.meta.url);
  const run = new Function('require', 'event', `return (async () => { ${body} })()`) as (
    require: NodeJS.Require,
    event: unknown,
  ) => Promise<unknown>;
  return JSON.parse(JSON.stringify((await run(require, event)) ?? null)) as unknown;
}
