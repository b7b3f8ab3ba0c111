/** The recorder as a process: what it answered is in its file, it fences by epoch, and it ends with its test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AttemptLine } from '../support/history.ts';
import { samplePositions } from '../support/position-sampler.ts';
import { type Recorder, withRecorder } from '../support/recorder.ts';
import { recorderFor } from '../support/recorder-handler.ts';

const gateway = (epoch: string, shard = 'shardId-000000000000') => ({
  'x-millrace-mapping': 'clicks',
  'x-millrace-shard': shard,
  'x-millrace-epoch': epoch,
  'x-millrace-request-id': `r${epoch}`,
});

const post = (recorder: Recorder, headers: Record<string, string>, kind: AttemptLine['kind'] = 'effect') =>
  fetch(recorder.url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ kind, positions: ['100000000000000000000'], attempt: 1 }),
  });

describe('the recorder', () => {
  it('keeps what it answered, in order, stamped by its own clocks', () =>
    withRecorder(async (recorder) => {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          recorder.record({ kind: 'lease', shard: 'm/s', epoch: String(n), pid: n }),
        ),
      );
      await recorder.record(
        { kind: 'accepted', shard: 'm/s', positions: ['1'] },
        { kind: 'accepted', shard: 'm/s', positions: ['2'] },
      );
      const lines = await recorder.history();
      expect(lines).toHaveLength(52);
      expect(lines.map((line) => line.tMono)).toEqual(lines.map((line) => line.tMono).sort((a, b) => a - b));
      expect(lines.every((line) => Math.abs(line.tWall - Date.now()) < 30_000 && line.run === 'mine')).toBe(true);
      expect(lines.slice(-2)).toMatchObject([{ positions: ['1'], pid: null }, { positions: ['2'] }]);
    }, 'mine'));

  it('is a sink that refuses older epochs of a shard, by the headers that the gateway sets', () =>
    withRecorder(async (recorder) => {
      expect((await post(recorder, gateway('1732370000000001'), 'start')).status).toBe(200);
      expect((await post(recorder, gateway('1732370000000009'))).status).toBe(200);
      const refused = await post(recorder, gateway('1732370000000008'));
      expect([refused.status, await refused.json()]).toEqual([409, { refused: 1, highest: '1732370000000009' }]);
      expect((await post(recorder, gateway('1732370000000009'), 'success')).status).toBe(200);
      expect((await post(recorder, gateway('5', 'shardId-000000000001'))).status).toBe(200);
      const lines = (await recorder.history()) as AttemptLine[];
      expect(
        lines.map((line) => [line.kind, line.shard.slice(-1), line.epoch.slice(-1), line.requestId.slice(0, 1)]),
      ).toEqual([
        ['start', '0', '1', 'r'],
        ['effect', '0', '9', 'r'],
        ['refused', '0', '8', 'r'],
        ['success', '0', '9', 'r'],
        ['effect', '1', '5', 'r'],
      ]);
      expect(lines[2]).toMatchObject({ was: 'effect', positions: ['100000000000000000000'] });
    }));

  it('does not believe a handler that names another shard or epoch in its body', () =>
    withRecorder(async (recorder) => {
      const body = JSON.stringify({
        kind: 'effect',
        shard: 'x/y',
        epoch: '99',
        requestId: 'forged',
        positions: [],
        tMono: 1,
        run: 'no',
      });
      await fetch(recorder.url, { method: 'POST', headers: gateway('7'), body });
      const [line] = await recorder.history();
      expect(line).toMatchObject({ shard: 'clicks/shardId-000000000000', epoch: '7', requestId: 'r7', run: 'run' });
      expect(line!.tMono).not.toBe(1);
    }));

  it('answers junk with 400 and goes on', () =>
    withRecorder(async (recorder) => {
      expect((await fetch(recorder.url, { method: 'POST', body: '{' })).status).toBe(400);
      await recorder.record({ kind: 'accepted', shard: 'm/s', positions: [] });
      expect(await recorder.history()).toHaveLength(1);
    }));

  it('takes lines from the handler helper, and the helper throws when it is fenced', () =>
    withRecorder(async (recorder) => {
      const event = { Records: [{ kinesis: { sequenceNumber: '7' } }, { kinesis: { sequenceNumber: '8' } }] };
      const context = { awsRequestId: 'r', millrace: { attempt: 3, epoch: '1' } };
      const plain = globalThis.fetch;
      const as = async (epoch: string): Promise<void> => {
        globalThis.fetch = (url, init) => plain(url, { ...init, headers: gateway(epoch) });
        const handler = recorderFor(recorder.url, event, context);
        await handler.start();
        await handler.success(handler.positions.slice(0, 1));
        await handler.failure(['8']);
      };
      try {
        await as('2');
        await expect(as('1')).rejects.toThrow('recorder: 409');
      } finally {
        globalThis.fetch = plain;
      }
      expect(await recorder.history()).toMatchObject([
        { kind: 'start', positions: ['7', '8'], attempt: 3, epoch: '2' },
        { kind: 'success', positions: ['7'] },
        { kind: 'failure', positions: ['8'] },
        { kind: 'refused', was: 'start' },
      ]);
    }));

  it('frames a fault by its beginning and its end, also when healing it throws', () =>
    withRecorder(async (recorder) => {
      const act = () => Promise.reject(new Error('x'));
      await expect(recorder.fault({ fault: 'SIGKILL', shards: '*' }, act)).rejects.toThrow('x');
      const lines = await recorder.history();
      expect(lines).toMatchObject([
        { kind: 'fault', phase: 'begin', id: 'fault-1' },
        { phase: 'healed', id: 'fault-1' },
      ]);
    }));

  it('is told of positions as they change, by a sampler that survives failing reads', () =>
    withRecorder(async (recorder) => {
      const looks = ['0-0', '5-0', 'fail', '5-0', '7-1'];
      let look = 0;
      let seen = (): void => undefined;
      const all = new Promise<void>((resolve) => (seen = resolve));
      const sampler = samplePositions(
        recorder,
        async () => {
          const id = looks[look++] ?? '7-1';
          if (look > looks.length) seen();
          if (id === 'fail') throw new Error('redis is away');
          return [{ shard: 'm/s', groupMarker: id, firstEntry: '1-0', checkpoint: id }];
        },
        1,
      );
      await all;
      await sampler.stop();
      const at = (ms: number, seq: number): string => `${ms}${String(seq).padStart(20, '0')}`;
      const lines = await recorder.history();
      expect(
        lines.map((l) => (l.kind === 'ack' || l.kind === 'checkpoint' ? [l.kind, l.what, l.position] : l)),
      ).toEqual([
        ['ack', 'trim', '018446744073709551615'],
        ['ack', 'group', at(5, 0)],
        ['checkpoint', undefined, at(5, 0)],
        ['ack', 'group', at(7, 1)],
        ['checkpoint', undefined, at(7, 1)],
      ]);
    }));

  it('a sampler that never could read says so at its end', () =>
    withRecorder(async (recorder) => {
      const sampler = samplePositions(recorder, () => Promise.reject(new Error('no redis')), 1);
      await expect(sampler.stop()).rejects.toThrow('no redis');
    }));

  it('ends when the one who started it is gone', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'millrace-recorder-'));
    const script = fileURLToPath(new URL('../support/recorder-process.ts', import.meta.url));
    const child = spawn(process.execPath, [script, path.join(dir, 'h'), 'r'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.stdin.destroy();
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    await rm(dir, { recursive: true });
  });
});
