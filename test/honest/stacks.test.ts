/** Where an error happened is told in the user's own files and lines: in the error of the invocation and in what the handler logs. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useExamples } from '../support/example-handlers.ts';
import { EXAMPLES } from '../support/example-packages.ts';

const examples = useExamples();
/** `file:line` of the first line of an example that has `text` in it. */
function place(file: string, text: string): string {
  const lines = readFileSync(path.join(EXAMPLES, file), 'utf8').split('\n');
  return `/var/task/${file}:${lines.findIndex((line) => line.includes(text)) + 1}:`;
}
const ELSEWHERE = /millrace:|\/var\/task\/index\.js|\.\.\/|\/tmp\/|\/home\/|node:internal|isolated-vm/;

async function failure(file: string, record: unknown) {
  const { attempt } = await examples.open(file);
  const { outcome, lines } = await attempt(record);
  if (outcome.kind !== 'function-error') throw new Error(`expected a failure, got ${JSON.stringify(outcome)}`);
  return { trace: outcome.error.trace, logs: lines.map((line) => line.text) };
}

test('thrown by the handler: its file and line come first', async () => {
  const { trace } = await failure('avsc.ts', Buffer.from([0, 9]));
  expect(trace[0]).toBe('RangeError: no schema has the number 9');
  expect(trace[1]).toContain(place('avsc.ts', 'throw new RangeError'));
  expect(trace.join('\n')).not.toMatch(ELSEWHERE);
});

test('thrown within a package: its file below node_modules, then the line of the handler that called it', async () => {
  const { trace } = await failure('date-fns.ts', 'no date');
  expect(trace[0]).toBe('RangeError: Invalid time value');
  expect(trace[1]).toMatch(/\/var\/task\/node_modules\/date-fns\/\w+\.\w+:\d+:\d+/);
  expect(trace.join('\n')).toContain(place('date-fns.ts', 'return `${format(at'));
  expect(trace.join('\n')).not.toMatch(ELSEWHERE);
});

test('thrown after an await, behind middy: the line of the handler', async () => {
  const { trace } = await failure('middy.ts', {});
  expect(trace.join('\n')).toContain(place('middy.ts', 'throw new RangeError'));
});

test('logged by console.error: the same lines, and none of the runtime', async () => {
  const { logs } = await failure('middy.ts', {});
  const logged = logs.find((text) => text.startsWith('RangeError'))!;
  expect(logged).toContain(place('middy.ts', 'throw new RangeError'));
  expect(logged).not.toMatch(ELSEWHERE);
});

test('logged as JSON by a logger: the same lines, and it is still JSON', async () => {
  const { run } = await examples.open('powertools-logger.ts');
  const { logs } = await run('{');
  const { error } = JSON.parse(logs[1]!) as { error: { stack: string; location: string } };
  expect(error.stack).toContain(place('powertools-logger.ts', 'JSON.parse'));
  expect(error.stack).not.toMatch(ELSEWHERE);
});
