import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_BYTES_MAX, READ_REPLY_BYTES_MAX } from '../../src/limits.ts';
import { RANGE_REPLY_ITEMS, RedisReplyError, toRawBatch } from '../../src/redis/reader-batch.ts';
import { DROPPED, type Reply, ReplyError, ReplyScanner } from '../../src/redis/reader-reply.ts';

const bulk = (text: string | Buffer) =>
  Buffer.concat([Buffer.from(`$${text.length}\r\n`), Buffer.from(text), Buffer.from('\r\n')]);
const lines = (...parts: (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\r\n`) : part)));

/** Feeds the bytes in pieces cut at the given places; the replies that came out. */
function scan(bytes: Buffer, topItems: number[], cuts: readonly number[]): Reply[] {
  const scanner = new ReplyScanner();
  const replies: Reply[] = [];
  scanner.begin(topItems[0]!);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    scanner.push(bytes.subarray(from, cut));
    from = cut;
    for (let reply = scanner.next(); reply && replies.length < topItems.length; reply = scanner.next()) {
      replies.push(reply);
      const following = topItems[replies.length];
      if (following === undefined) break;
      scanner.begin(following);
    }
  }
  return replies;
}

/** The items as readable values. */
function values({ buffer, items }: Reply): unknown[] {
  return Array.from({ length: items.length / 2 }, (_, t) => {
    const a = items[2 * t]!;
    const b = items[2 * t + 1]!;
    if (a === DROPPED) return { dropped: b };
    if (a < 0) return { array: -1 - a };
    if (b === -1) return null;
    if (b < -1) return { error: buffer.toString('latin1', a, a - 2 - b) };
    return buffer.toString('latin1', a, a + b);
  });
}

const EVERY_KIND = lines(
  '+OK',
  ':-12',
  '$-1',
  '*-1',
  '*0',
  '*3',
  bulk('a\r\nb'),
  '*2',
  bulk(''),
  '-ERR it',
  bulk('x'.repeat(300)),
  '+END',
);
const EVERY_VALUE = [
  ...['OK', '-12', null, null, { array: 0 }, { array: 3 }, 'a\r\nb', { array: 2 }, '', { error: 'ERR it' }],
  ...['x'.repeat(300), 'END'],
];

describe('the reply scanner', () => {
  it('reads every kind of item, cut at every byte', () => {
    for (let cut = 0; cut <= EVERY_KIND.length; cut++) {
      const replies = scan(EVERY_KIND, [7], [cut]);
      expect(replies.map(values)).toEqual([EVERY_VALUE]);
    }
  });

  it('keeps pipelined replies apart, however their bytes arrive', () => {
    const bytes = Buffer.concat([EVERY_KIND, lines('+PONG'), EVERY_KIND, lines(bulk('y'.repeat(40_000))), EVERY_KIND]);
    const expected = [EVERY_VALUE, ['PONG'], EVERY_VALUE, ['y'.repeat(40_000)], EVERY_VALUE];
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 30 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (places) => {
        expect(scan(bytes, [7, 1, 7, 1, 7], places).map(values)).toEqual(expected);
      }),
    );
  });

  it('drops a payload that no event can hold, wherever the bytes are cut, and reads on behind it', () => {
    const huge = Buffer.alloc(EVENT_BYTES_MAX + 1, 'h');
    const bytes = lines('*3', bulk('id'), bulk(huge), bulk('after'), '+OK');
    const end = bytes.length;
    for (const cuts of [[], [12], [20], [21, 1_000_000, end - 14], [end - 13], [end - 12], [end - 11], [end - 3]]) {
      const replies = scan(bytes, [1, 1], cuts);
      expect(replies.map(values)).toEqual([[{ array: 3 }, 'id', { dropped: huge.length }, 'after'], ['OK']]);
      expect(replies[0]!.buffer.length).toBeLessThan(100);
    }
  });

  it('refuses what is no RESP2, and a reply beyond every bound', () => {
    expect(() => scan(lines('%1', '+a', '+b'), [1], [])).toThrow(ReplyError);
    expect(() => scan(lines('HTTP/1.1 400 Bad Request'), [1], [])).toThrow(ReplyError);
    expect(() => scan(lines('$abc'), [1], [])).toThrow(ReplyError);
    const small = bulk('s'.repeat(60));
    const count = Math.ceil(READ_REPLY_BYTES_MAX / small.length) + 1;
    const many = Buffer.alloc(count * small.length, small);
    expect(() => scan(lines(`*${count}`, many), [1], [])).toThrow(/bytes/);
  });
});

describe('a batch of a reply', () => {
  it('rejects with the text of the server, whichever step it refused', () => {
    const one =
      (...parts: (string | Buffer)[]) =>
      () =>
        toRawBatch(scan(lines(...parts), [RANGE_REPLY_ITEMS], [])[0]!);
    expect(one('+OK', '-ERR bad', '+QUEUED', '-EXECABORT because')).toThrow(/^ERR bad$/);
    expect(one('-LOADING wait', '-LOADING wait', '-LOADING wait', '-ERR EXEC without MULTI')).toThrow(/^LOADING wait$/);
    expect(one('+OK', '+QUEUED', '+QUEUED', '*2', '-WRONGTYPE no', '-WRONGTYPE no')).toThrow(RedisReplyError);
    expect(one('+OK', '+QUEUED', '+QUEUED', '*2', '*0', '-NOPERM no')).toThrow(/^NOPERM no$/);
  });
});
