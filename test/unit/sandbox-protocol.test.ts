import { describe, expect, test } from 'vitest';
import {
  type Frame,
  FrameReader,
  frameHeader,
  packParts,
  ProtocolError,
  unpackParts,
} from '../../src/sandbox/protocol.ts';

function framesOf(
  chunks: readonly Buffer[],
  bound: (type: number) => number | undefined = () => 1_000,
): { type: number; flags: number; text: string }[] {
  const reader = new FrameReader(bound);
  const got: { type: number; flags: number; text: string }[] = [];
  for (const chunk of chunks)
    reader.push(chunk, ({ type, flags, payload }: Frame) => got.push({ type, flags, text: payload.toString() }));
  return got;
}

const frame = (type: number, flags: number, text: string): Buffer =>
  Buffer.concat([frameHeader(type, flags, Buffer.byteLength(text)), Buffer.from(text)]);

describe('frames', () => {
  const three = Buffer.concat([frame(1, 0, 'one'), frame(2, 7, ''), frame(3, 255, 'x'.repeat(500))]);
  const expected = [
    { type: 1, flags: 0, text: 'one' },
    { type: 2, flags: 7, text: '' },
    { type: 3, flags: 255, text: 'x'.repeat(500) },
  ];

  test('come out the same however the bytes are cut', () => {
    for (let size = 1; size <= three.length; size++) {
      const chunks = [];
      for (let at = 0; at < three.length; at += size) chunks.push(three.subarray(at, at + size));
      expect(framesOf(chunks)).toEqual(expected);
    }
  });

  test('of an unknown type, too large, or with reserved bytes set are refused at their header', () => {
    expect(() => framesOf([frame(9, 0, 'a')], (type) => (type === 1 ? 10 : undefined))).toThrow(ProtocolError);
    expect(() => framesOf([frameHeader(1, 0, 11)], () => 10)).toThrow('has 11 bytes, at most 10 are allowed');
    expect(() => framesOf([frameHeader(1, 0, 0xffff_ffff)], () => 10)).toThrow(ProtocolError);
    const odd = frameHeader(1, 0, 0);
    odd[6] = 1;
    expect(() => framesOf([odd])).toThrow('reserved bytes are set');
  });
});

describe('parts', () => {
  test('round trip', () => {
    const parts = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('ccc')];
    expect(unpackParts(packParts(parts), 3)).toEqual(parts);
    expect(unpackParts(packParts(parts))).toEqual(parts);
  });

  test.each([
    ['too few', packParts([Buffer.from('a')]), 2],
    ['too many', packParts([Buffer.from('a'), Buffer.from('b')]), 1],
    ['cut', packParts([Buffer.from('abc')]).subarray(0, 5), 1],
    ['cut in a length', Buffer.from([1, 0]), 1],
    ['a length beyond the end', Buffer.from([255, 255, 255, 255, 1]), 1],
  ])('%s: refused', (_name, payload, count) => {
    expect(() => unpackParts(payload, count)).toThrow(ProtocolError);
  });
});
