/** contract.md, "Handlers" and "millrace invoke", through the command line. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually, TEST_CACHE } from '../support/daemon.ts';
import { add, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const env = { MILLRACE_CACHE: TEST_CACHE };

function invoke(dir: string, name: string) {
  return run(MILLRACE, ['invoke', name, '-c', `${dir}/millrace.yaml`, '--event', '-'], { env, input: '{}' });
}

test('a .js file is CommonJS or a module as Lambda takes it, with and without a package.json beside it', async () => {
  const SAYS = `async () => console.log(kind + (function () { return this === undefined; })())`;
  const code = {
    'cjs.js': `const kind = 'exports '; exports.handler = ${SAYS}`,
    'whole.js': `const kind = 'module.exports '; module.exports = { handler: ${SAYS} };`,
    'esm.js': `const kind = 'esm '; export const handler = ${SAYS}`,
  };
  const places: Record<string, string | null> = { bare: null, named: '{"name":"x"}', module: '{"type":"module"}' };
  const w = await world(redis, { handler: '' });
  const functions: Record<string, { code: string; handler: string }> = {};
  for (const [place, manifest] of Object.entries(places)) {
    await mkdir(`${w.dir}/${place}`);
    if (manifest !== null) await writeFile(`${w.dir}/${place}/package.json`, manifest);
    for (const [file, text] of Object.entries(code)) {
      await writeFile(`${w.dir}/${place}/${file}`, text);
      functions[`${place}-${file.slice(0, -3)}`] = { code: `${place}/${file}`, handler: 'handler' };
    }
  }
  functions['dir'] = { code: 'named', handler: 'cjs.handler' };

  // In a package of modules `exports` means nothing, there as here; it is found before anything runs.
  await writeFile(w.config, stringify({ functions }));
  const { code: exit, stdout } = await run(MILLRACE, ['validate', '--json', '-c', w.config], { env });
  expect(exit).toBe(1);
  const { problems } = JSON.parse(stdout) as { problems: { path: string; code: string; file: string; line: number }[] };
  const found = problems.map(({ path, code: problem, file, line }) => [path, problem, file.endsWith('.js'), line]);
  expect(found).toEqual([
    ['functions.module-cjs.code', 'function-handler', true, 1],
    ['functions.module-whole.code', 'function-handler', true, 1],
  ]);

  delete functions['module-cjs'];
  delete functions['module-whole'];
  const source = { type: 'redis-stream', stream: 's' };
  const mappings = Object.fromEntries(
    Object.keys(functions).map((name) => [name, { function: name, source, startingPosition: 'TRIM_HORIZON' }]),
  );
  await writeFile(w.config, stringify({ redis: redis.url, functions, mappings }));
  await add(w.redis, 's', ['a']);
  const daemon = w.start();
  const lines = await eventually(
    () => daemon.lines.filter((line) => line['stream'] === 'handler'),
    (all) => all.length === Object.keys(functions).length,
    { what: 'every function ran' },
  );
  expect(Object.fromEntries(lines.map((line) => [line['function'], line.msg]))).toEqual({
    ...{ 'bare-cjs': 'exports false', 'named-cjs': 'exports false', dir: 'exports false' },
    ...{ 'bare-whole': 'module.exports false', 'named-whole': 'module.exports false' },
    ...{ 'bare-esm': 'esm true', 'named-esm': 'esm true', 'module-esm': 'esm true' },
  });
});

describe('invoke', () => {
  let dir = '';
  const code = `
    export const never = () => new Promise(() => undefined);
    export const waits = () => new Promise((resolve) => setTimeout(resolve, 60_000));
    export const large = async () => 'x'.repeat(6 * 1024 * 1024 + 200);
    export const nothing = async () => { console.log('a line'); };
  `;
  const CASES = [
    ['never', 1, { errorType: 'Runtime.NodeJsExit' }],
    ['waits', 1, { errorType: 'Sandbox.Timedout' }],
    ['large', 1, { errorType: 'Function.ResponseSizeTooLarge' }],
    ['nothing', 0, null],
  ] as const;
  beforeAll(async () => {
    const functions = Object.fromEntries(
      CASES.map(([handler]) => [handler, { code: 'handlers.mjs', handler, timeout: 1 }]),
    );
    // Not configDir: that is gone after each test.
    dir = await mkdtemp(`${TEST_CACHE}-invoke-`);
    await writeFile(`${dir}/handlers.mjs`, code);
    await writeFile(`${dir}/millrace.yaml`, stringify({ functions }));
  });
  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });
  test.each(CASES)('%s: exit %i', async (name, exit, answer) => {
    const { code: got, stdout, stderr } = await invoke(dir, name);
    expect(got).toBe(exit);
    const printed: unknown = JSON.parse(stdout);
    if (answer === null) expect(printed).toBeNull();
    else expect(printed).toMatchObject({ ...answer, errorMessage: expect.any(String) as string });
    expect(stderr).toMatch(/REPORT RequestId: .*Duration: .*Memory Size: 128 MB\tMax Memory Used: \d+ MB/);
  });
});

test('requests carry whose they are, go nowhere that is not listed, and attempts are counted from 1', async () => {
  const requests: IncomingHttpHeaders[] = [];
  const sink = createServer((request, response) => {
    requests.push(request.headers);
    if (request.url === '/away') response.writeHead(302, { location: redis.url.replace('redis:', 'http:') });
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => sink.once('listening', resolve));
  const { port } = sink.address() as { port: number };
  const w = await world(redis, {
    handler: `
      const refused = (url, init) => fetch(url, init).then(() => 'went', (error) => error.cause.code);
      export const handler = async (event, context) => {
        const at = 'http://127.0.0.1:${port}';
        const epoch = { headers: { 'x-millrace-epoch': '1' } };
        const answers = [await refused(at), await refused(at + '/away'), await refused('${redis.url.replace('redis:', 'http:')}'),
          await refused('http://127.0.0.2:${port}'), await refused(at, epoch)];
        console.log(JSON.stringify({ answers, id: context.awsRequestId, millrace: context.millrace }));
        if (context.millrace.attempt === 1) throw new Error('again');
      };`,
    function: { network: { allow: [`127.0.0.1:${port}`] } },
  });
  const [id] = await add(w.redis, 's', ['a']);
  const daemon = w.start();
  await eventually(
    () => w.state(),
    (s) => s['n:succeeded'] === '1',
    { what: 'settled' },
  );
  sink.close();
  // The log is a pipe of its own and may come after what Redis says.
  await eventually(
    () => daemon.lines.filter((line) => line['stream'] === 'handler').length,
    (n) => n >= 2,
    { what: 'both lines of the handler' },
  );
  const said = daemon.lines
    .filter((line) => line['stream'] === 'handler')
    .map((line) => JSON.parse(line.msg) as { answers: string[]; id: string; millrace: Record<string, unknown> });
  const refusal = 'ERR_EGRESS_REFUSED';
  expect(said.map(({ answers }) => answers)).toEqual(Array(2).fill(['went', refusal, refusal, refusal, refusal]));
  expect(said.map(({ millrace }) => millrace['attempt'])).toEqual([1, 2]);
  expect(said[0]!.id).toBe(said[1]!.id);
  const [ms, seq] = id!.split('-') as [string, string];
  const position = `${ms}${seq.padStart(20, '0')}`;
  expect(said[0]!.millrace).toEqual({
    ...{ mapping: 'm', shardId: 'shardId-000000000000', attempt: 1 },
    ...{ firstSequenceNumber: position, lastSequenceNumber: position },
    epoch: expect.stringMatching(/^\d{16}$/) as string,
  });
  expect(requests).toHaveLength(4);
  requests.forEach((headers, i) => {
    expect(headers).toMatchObject({
      'x-millrace-mapping': 'm',
      'x-millrace-shard': 'shardId-000000000000',
      'x-millrace-request-id': said[0]!.id,
      'x-millrace-epoch': said[i < 2 ? 0 : 1]!.millrace['epoch'],
    });
  });
});
