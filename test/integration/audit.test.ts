/** `millrace audit`: who did what, and which configurations were put in force. */
import { writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { audit, type AuditEntry, readAudit } from '../../src/observe/audit.ts';
import { AUDIT_ENTRIES_MAX } from '../../src/operator-limits.ts';
import { eventually } from '../support/daemon.ts';
import { configOf, SAY, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const HANDLER = `export const handler = async (event, context) => { say(event, context); };`;
const cli = (...args: string[]) => run(MILLRACE, args);

describe('the log', () => {
  test('has who, host, command, mapping, shard and detail of each entry, and when, in order', async () => {
    const w = await world(redis, { handler: HANDLER });
    const before = Date.now();
    await audit(w.redis, w.keys, {
      command: 'mapping skip',
      mapping: 'm',
      shard: 'shardId-000000000000',
      detail: 'one',
    });
    await audit(w.redis, w.keys, { command: 'elsewhere', who: 'somebody', detail: 'no mapping' });
    const asked = await cli('audit', '--json', '-c', w.config);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    const entries = JSON.parse(asked.stdout) as AuditEntry[];
    const here = { host: hostname(), time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string };
    const me = process.env['SUDO_USER'] ? `${process.env['SUDO_USER']} as ${userInfo().username}` : userInfo().username;
    expect(entries).toEqual([
      { ...here, who: me, command: 'mapping skip', mapping: 'm', shard: 'shardId-000000000000', detail: 'one' },
      { ...here, who: 'somebody', command: 'elsewhere', mapping: null, shard: null, detail: 'no mapping' },
    ]);
    expect(Date.parse(entries[0]!.time)).toBeGreaterThanOrEqual(before - 1_000);
    const text = await cli('audit', '--mapping', 'm', '-c', w.config);
    expect(text.stdout).toBe(`${entries[0]!.time}  ${me}@${hostname()}  mapping skip  m/shardId-000000000000  one\n`);
  });

  test('is bounded: the oldest entries go', async () => {
    const w = await world(redis, { handler: HANDLER });
    const filling = w.redis.pipeline();
    for (let i = 0; i < AUDIT_ENTRIES_MAX + 500; i++) filling.xadd(w.keys.audit(), '*', 'command', `old ${i}`);
    await filling.exec();
    await audit(w.redis, w.keys, { command: 'newest', detail: 'x'.repeat(10_000) });
    const entries = await readAudit(w.redis, w.keys);
    expect(entries.at(-1)).toMatchObject({ command: 'newest' });
    expect(entries.at(-1)!.detail.length).toBeLessThan(1_000);
    expect(entries.length).toBeLessThan(AUDIT_ENTRIES_MAX + 200);
    expect(entries[0]!.command).not.toBe('old 0');
  });
});

describe('changes of configuration', () => {
  test(
    'a new mapping, a changed one, apply and forget are told once each; a restart without a change is not',
    { timeout: 120_000 },
    async () => {
      const w = await world(redis, { handler: HANDLER });
      const told = async () => (await readAudit(w.redis, w.keys)).map(({ command, detail }) => `${command}: ${detail}`);
      const first = w.start();
      await first.ready;
      expect(await told()).toEqual([expect.stringMatching(/^start: new, configuration [0-9a-f]+, function version /)]);
      expect(await first.stop()).toBe(0);
      const same = w.start();
      await same.ready;
      expect(await same.stop()).toBe(0);
      expect(await told()).toHaveLength(1);

      await writeFile(w.config, configOf({ handler: HANDLER, mapping: { batchSize: 7 } }, redis.url));
      await writeFile(`${w.dir}/handler.mjs`, `${SAY}// newer\n${HANDLER}`);
      const changed = w.start();
      await changed.ready;
      const update = /^start: configuration [0-9a-f]+ → [0-9a-f]+, function version [0-9a-f]{12} → [0-9a-f]{12}$/;
      expect((await told())[1]).toMatch(update);
      expect(await changed.stop()).toBe(0);

      await writeFile(w.config, configOf({ handler: HANDLER, mapping: { startingPosition: 'LATEST' } }, redis.url));
      expect(await cli('mapping', 'apply', 'm', '-c', w.config)).toMatchObject({ code: 0 });
      expect((await told())[2]).toMatch(/^mapping apply: pinned fields, configuration /);

      const gone = () => cli('mapping', 'forget', 'm', '--yes', '-c', w.config);
      await eventually(gone, ({ code }) => code === 0, { what: 'nobody serves it any more' });
      expect((await told()).slice(3)).toEqual(['mapping forget: 1 shards']);
    },
  );
});
