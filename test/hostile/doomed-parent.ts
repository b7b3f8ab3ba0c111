/**
 * A daemon in miniature, to be killed in the midst of hostile invocations. Its argument, as JSON: the measures that its children are started behind, and
 * the handlers. Prints a line when each handler is at its work; or, with none, when its processes are being started.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import type { Measure } from '../../src/sandbox/hardening.ts';
import { createSandbox } from '../../src/sandbox/pool.ts';

export interface Doom {
  readonly measures: readonly Measure[];
  /** Whole modules. */
  readonly modules: readonly string[];
  /** Say at once that it is time, while processes start and load. */
  readonly atOnce: boolean;
}

const { measures, modules, atOnce } = JSON.parse(process.argv[2]!) as Doom;
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-doomed-'));
// Never answers.
const server = createServer(() => undefined);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
const sandbox = await createSandbox({
  ...{ cacheDir: directory, preludePath: (await buildPrelude(directory)).path },
  ...{ egress: createEgress(), log: silentLog, hardening: measures },
});
let waiting = modules.length;
const say = (): void => void process.stdout.write(`${directory}\n`);
for (const [i, text] of modules.entries()) {
  const hash = createHash('sha256').update(text).digest('hex');
  const bundlePath = path.join(directory, `${hash}.js`);
  writeFileSync(bundlePath, text);
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    if (--waiting === 0 && !atOnce) setTimeout(say, 300);
  };
  void sandbox.invoke({
    version: {
      ...{ name: `f${i}`, hash, bundlePath, sourceMapPath: null, codeCachePath: null, exportPath: 'handler' },
      ...{ handlerText: 'index.handler', memorySizeMb: 2_048, timeoutMs: 600_000, environment: {} },
      ...{ networkAllow: [host], secrets: [], concurrencyPerProcess: 1 },
    },
    event: Buffer.from(JSON.stringify({ url: `http://${host}/` })),
    ...{ ascii: true, context: { requestId: 'r' }, lease: null, log: begin },
  });
}
if (atOnce) setTimeout(say, 50);
