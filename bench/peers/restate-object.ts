/**
 * Restate: a virtual object per shard, called over HTTP with each record, durably and in order per object; the caller has one call under way per object. Loads its packages from
 * the directory where they are installed. Arguments: that directory, its data's directory, objects, the kind of work and its options (support/kinds.ts).
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { record200 } from '../support/lab.ts';
import { kindOf } from '../support/kinds.ts';
import { tellProgress } from '../support/telling.ts';

interface Sdk {
  object(definition: object): object;
  serve(options: { services: object[]; port: number }): Promise<number>;
}

const [packages, data, objectsText, ...kind] = process.argv.slice(2) as [string, string, string];
const load = createRequire(path.join(packages, 'package.json'));
const { object, serve } = load('@restatedev/restate-sdk') as Sdk;
const work = kindOf(kind);
const telling = tellProgress();

const [INGRESS, ADMIN] = ['http://127.0.0.1:8080', 'http://127.0.0.1:9070'];
const WAIT_MS = 100;
const binary = load.resolve('@restatedev/restate-server-linux-x64/bin/restate-server');
const server = spawn(binary, ['--base-dir', data, '--node-name', 'bench'], { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));
process.on('SIGTERM', () => process.exit(0));

const handlers = { take: async (_: unknown, text: string) => ({ sum: await work([text]) }) };
const port = await serve({ services: [object({ name: 'shard', handlers })], port: 0 });
for (;;) {
  try {
    const reply = await fetch(`${ADMIN}/deployments`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
    });
    if (reply.ok) break;
    process.stderr.write(`${await reply.text()}\n`);
  } catch {
    // It does not listen yet.
  }
  await sleep(WAIT_MS);
}

async function call(shard: number): Promise<never> {
  for (let n = 0; ; n++) {
    const reply = await fetch(`${INGRESS}/shard/${shard}/take`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(record200(shard, n)),
    });
    if (!reply.ok) throw new Error(await reply.text());
    await reply.arrayBuffer();
    telling.add(1);
  }
}
await Promise.all(Array.from({ length: Number(objectsText) }, (_, shard) => call(shard)));
