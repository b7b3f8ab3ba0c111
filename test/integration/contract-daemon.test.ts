/** contract.md, "Running it", and product.md, "Namespaces and mappings": what a script that starts daemons relies on. */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { add, configOf, said, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const WAITS = `export const handler = async () => { console.log('begin'); await new Promise((r) => setTimeout(r, 20_000)); };`;
const env = { MILLRACE_CACHE: TEST_CACHE };
const cli = (...args: string[]) => run(MILLRACE, args, { env });

describe('a signal before the drain is complete', () => {
  test.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)('%s, then %s: %i, and no attempt is spent', async (first, second, code) => {
    const w = await world(redis, { handler: WAITS, function: { timeout: 30 } });
    await add(w.redis, 's', ['a']);
    const daemon = w.start();
    await daemon.line((l) => l.msg === 'begin', 'the handler ran');
    daemon.kill(first);
    await daemon.line((l) => l.msg === 'draining', 'it drains');
    daemon.kill(second);
    expect((await daemon.exited).code).toBe(code);
    expect(JSON.parse((await w.state())['units']!)).toMatchObject([{ deliveries: 1, failures: 0 }]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s, and the grace runs out: %i', async (signal, code) => {
    const w = await world(redis, { handler: WAITS, function: { timeout: 30 } });
    await add(w.redis, 's', ['a']);
    const daemon = w.start(['--grace', '1']);
    await daemon.line((l) => l.msg === 'begin', 'the handler ran');
    daemon.kill(signal);
    expect((await daemon.exited).code).toBe(code);
  });
});

describe('--http', () => {
  test('a set address that is taken is exit 2; none at all is fine', async () => {
    const w = await world(redis, { handler: GOOD });
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const taken = await cli('start', '-c', w.config, '--http', `127.0.0.1:${port}`);
    other.close();
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining(`127.0.0.1:${port}`) as string });
    const off = startTestDaemon({ config: w.config, env, args: ['--http', 'off'] });
    expect(await off.ready).toMatchObject({ http: null });
    expect(await off.stop()).toBe(0);
  });

  test.each(['nowhere', '9464', '127.0.0.1:99999'])('%s is exit 1', async (address) => {
    const w = await world(redis, { handler: GOOD });
    expect((await cli('start', '-c', w.config, '--http', address)).code).toBe(1);
  });
});

test('what a handler writes is one line each, and no secret is in any line', async () => {
  const SECRET = 'correct-horse-battery';
  const w = await world(redis, {
    handler: `export const handler = async () => {
      console.log('two\\nlines'); console.error('it is %s', process.env.TOKEN);
      const error = new Error('cannot use ' + process.env.TOKEN); error.name = process.env.TOKEN; throw error; };`,
    function: { environment: { TOKEN: { secret: SECRET } } },
    mapping: { maximumRetryAttempts: 0 },
  });
  await add(w.redis, 's', ['a']);
  const daemon = w.start();
  await eventually(
    () => w.state(),
    (s) => s['n:givenUp'] === '1',
    { what: 'given up' },
  );
  const { stdout: status } = await cli('status', '--json', '-c', w.config);
  await daemon.stop();
  const lines = daemon.lines.filter((l) => l['stream'] === 'handler');
  const common = { function: 'f', mapping: 'm', shard: 'shardId-000000000000', stream: 'handler' };
  const more = { time: expect.any(String) as string, requestId: expect.stringMatching(/^[\da-f-]{36}$/) as string };
  expect(lines).toEqual([
    { ...common, ...more, level: 'info', msg: 'two\nlines' },
    { ...common, ...more, level: 'error', msg: 'it is ***' },
  ]);
  const notices = JSON.stringify(await w.redis.xrange(w.keys.failures('m'), '-', '+'));
  expect(notices).toContain('cannot use ***');
  expect(JSON.stringify(daemon.lines) + status + notices).not.toContain(SECRET);
});

describe('a mapping known by its name', () => {
  test('apply makes the other daemon give way, forget is refused while it is served, another source is refused', async () => {
    const w = await world(redis, { handler: GOOD });
    const [late, other] = [`${w.dir}/late.yaml`, `${w.dir}/other.yaml`];
    await writeFile(late, configOf({ handler: '', mapping: { startingPosition: 'LATEST' } }, redis.url));
    await writeFile(other, configOf({ handler: '', source: { stream: 'elsewhere' } }, redis.url));
    await add(w.redis, 's', ['a']);
    const first = w.start();
    const second = await first.ready.then(() => startTestDaemon({ config: late, env }));
    const readyz = async (daemon: typeof first) => {
      const response = await fetch(`http://${String((await daemon.ready).http)}/readyz`);
      return [response.status, ((await response.json()) as { reasons: string[] }).reasons];
    };
    const conflict = [503, ['config-conflict: m']];
    const ready = [200, []];
    expect(await readyz(second)).toEqual(conflict);
    const { id } = await second.ready;
    const conflictsOfSecond = async () => {
      const { stdout } = await cli('status', '--json', '-c', w.config);
      const { daemons } = JSON.parse(stdout) as { daemons: { id: string; conflicts?: string[] }[] };
      return daemons.find((daemon) => daemon.id === id)?.conflicts;
    };
    await eventually(conflictsOfSecond, (names) => names?.[0] === 'm', { what: 'the conflict in status' });

    expect(await cli('mapping', 'apply', 'm', '-c', late)).toMatchObject({ code: 0 });
    for (const [daemon, answer] of [
      [first, conflict],
      [second, ready],
    ] as const) {
      await eventually(
        () => readyz(daemon),
        (now) => JSON.stringify(now) === JSON.stringify(answer),
        { what: `readyz ${JSON.stringify(answer)}` },
      );
    }
    await add(w.redis, 's', ['b']);
    await eventually(
      () => said(second).flatMap((s) => s.data),
      (data) => data.includes('b'),
      { what: 'the second daemon serves it' },
    );
    expect(said(first).flatMap((s) => s.data)).toEqual(['a']);

    expect(await cli('mapping', 'apply', 'm', '-c', other)).toMatchObject({ code: 1 });
    expect(await cli('mapping', 'forget', 'm', '-c', late)).toMatchObject({ code: 1, stderr: '' });
    expect(await cli('mapping', 'forget', 'm', '-c', late, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is served by') as string,
    });
    await Promise.all([first.stop(), second.stop()]);
    expect(await cli('mapping', 'forget', 'm', '-c', late, '--yes')).toMatchObject({ code: 0 });
    expect(await w.state()).toEqual({});
    expect(await w.redis.xinfo('GROUPS', 's')).toEqual([]);
  });

  test('taken out of the file it stops and keeps its state; put back it goes on', async () => {
    const files = {
      'functions.yaml': `redis: ${redis.url}\nnamespace: staging\nfunctions: { f: { code: handler.mjs, handler: handler } }\n`,
      'mapping.yml':
        'mappings: { m: { function: f, source: { type: redis-stream, stream: s }, startingPosition: LATEST } }\n',
      'handler.mjs': 'export const handler = async (event) => console.log(`got ${event.Records.length}`);',
    };
    const dir = await configDir(files);
    const first = startTestDaemon({ config: dir, env });
    await first.ready;
    await add(redis.client, 's', ['a']);
    await first.line((l) => l.msg === 'got 1', 'the first record');
    expect(await first.stop()).toBe(0);
    await writeFile(`${dir}/mapping.yml`, '# nothing\n');
    const without = startTestDaemon({ config: `${dir}/functions.yaml`, env });
    expect(await without.ready).toMatchObject({ mappings: [] });
    await add(redis.client, 's', ['b', 'c']);
    expect(await without.stop()).toBe(0);
    await writeFile(`${dir}/mapping.yml`, files['mapping.yml']);
    const again = startTestDaemon({ config: dir, env });
    await again.line((l) => l.msg === 'got 2', 'the records that came meanwhile');
    expect(await again.stop()).toBe(0);
    // Everything of ours begins with the namespace; the user's own stream has its own name.
    const keys = await redis.client.keys('*');
    expect(keys.filter((key) => key !== 's' && !key.startsWith('staging:'))).toEqual([]);
  });
});
