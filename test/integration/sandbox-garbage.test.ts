/** Events and results that are done with are given back soon: a child does not fill its memory limit with dead text. */
import { expect, test } from 'vitest';
import { useSandbox } from '../support/sandbox.ts';

const box = useSandbox();
const TEXT = 'x'.repeat(100_000);

async function residentMb(code: string, event: unknown): Promise<number> {
  const version = box.version(code, { memorySizeMb: 256 });
  // 150 MB of text in all: without a collection the resident memory grows by as much.
  for (let n = 0; n < 1_500; n++) {
    const { outcome } = await box.invoke(version, event, { ascii: true });
    expect(outcome.kind).toBe('ok');
  }
  // Memory is read now and then, not after every short invocation.
  await new Promise((resolve) => setTimeout(resolve, 150));
  const { outcome } = await box.invoke(version, { text: '' });
  if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
  return outcome.report.maxMemoryUsedMb;
}

test('of events', async () => {
  expect(await residentMb('exports.handler = async (event) => event.text.length', { text: TEXT })).toBeLessThan(140);
}, 60_000);

test('of results', async () => {
  const code = `exports.handler = async () => ({ text: ${JSON.stringify('y')}.repeat(100000) })`;
  expect(await residentMb(code, { text: '' })).toBeLessThan(140);
}, 60_000);

test('and the collector is not for handlers', async () => {
  const code = `exports.handler = async () => [typeof gc, 'gc' in globalThis, Object.keys(globalThis).includes('gc')]`;
  const version = box.version(code);
  const first = await box.invoke(version);
  for (let n = 0; n < 200; n++) await box.invoke(version, { text: TEXT }, { ascii: true });
  const last = await box.invoke(version);
  for (const { outcome } of [first, last]) {
    expect(outcome).toMatchObject({ kind: 'ok', result: '["undefined",false,false]' });
  }
}, 60_000);
