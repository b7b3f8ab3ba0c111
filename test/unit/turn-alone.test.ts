import { describe, expect, it } from 'vitest';
import { AloneGate } from '../../src/turn/alone.ts';

/** Work that ends when it is told to; `started` says in which order works began. */
function bench() {
  const gate = new AloneGate();
  const started: string[] = [];
  const finish = new Map<string, (error?: Error) => void>();
  const begin = (name: string, alone: boolean) =>
    gate.run(alone, () => {
      started.push(name);
      return new Promise<string>((resolve, reject) =>
        finish.set(name, (error) => (error ? reject(error) : resolve(name))),
      );
    });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const end = async (name: string, error?: Error) => {
    finish.get(name)!(error);
    await settle();
  };
  return { begin, started, end, settle };
}

describe('AloneGate', () => {
  it('runs work side by side, and one alone after all that runs', async () => {
    const { begin, started, end, settle } = bench();
    const all = [begin('a', false), begin('b', false), begin('X', true)];
    await settle();
    expect(started).toEqual(['a', 'b']);
    await end('a');
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'X']);
    await end('X');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'X']);
  });

  it('lets nobody in beside one that is alone, and nobody past one that waits', async () => {
    const { begin, started, end, settle } = bench();
    const all = [
      begin('a', false),
      begin('X', true),
      begin('b', false),
      begin('c', false),
      begin('Y', true),
      begin('d', false),
    ];
    await settle();
    expect(started).toEqual(['a']);
    await end('a');
    expect(started).toEqual(['a', 'X']);
    await end('X');
    expect(started).toEqual(['a', 'X', 'b', 'c']);
    await end('b');
    await end('c');
    expect(started).toEqual(['a', 'X', 'b', 'c', 'Y']);
    await end('Y');
    await end('d');
    await Promise.all(all);
  });

  it('goes on after work that fails', async () => {
    const { begin, started, end, settle } = bench();
    const failing = begin('X', true);
    const caught = failing.catch((error: unknown) => error);
    const after = begin('a', false);
    await settle();
    await end('X', new Error('no'));
    expect(await caught).toEqual(new Error('no'));
    expect(started).toEqual(['X', 'a']);
    await end('a');
    expect(await after).toBe('a');
  });
});
