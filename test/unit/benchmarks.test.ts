/** docs/benchmarks.md says what was measured, and nothing else: it and its graphs are what is made of the results in the tree. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makePage, readResults } from '../../bench/page/page.ts';
import type { Sample } from '../../bench/support/stretch.ts';
import { ROOT } from '../support/house/files.ts';

test('docs/benchmarks.md is what scripts/generate-benchmarks.ts makes of bench/results', () => {
  const { text, graphs } = makePage(readResults());
  expect(readFileSync(path.join(ROOT, 'docs/benchmarks.md'), 'utf8')).toBe(text);
  const directory = path.join(ROOT, 'docs/benchmarks');
  const drawn = (existsSync(directory) ? readdirSync(directory) : []).map((file) => [
    file,
    readFileSync(path.join(directory, file), 'utf8'),
  ]);
  expect(Object.fromEntries(drawn)).toEqual(Object.fromEntries(graphs));
});

const sample = (recordsPerSecond: number, cpuPerMillion: number): Sample => ({
  ...{
    recordsPerSecond,
    cpuPerMillion,
    cpu: { redis: 1 },
    peakRssMb: { redis: 100, loop: 50 },
    records: 1,
    seconds: 5,
  },
});
const cell = { kind: 'parse', batch: 100, data: '200-byte JSON' } as const;
const about = { version: '1', source: 'Redis streams', givesUp: 'nothing' } as const;

test('a loss stands in the page as plainly as a win, and what could not be measured with its reason', () => {
  const { text, graphs } = makePage([
    {
      command: 'npm run bench -- --only matrix',
      machine: { date: '2026-11-27T00:00:00Z', cores: 2, cpu: 'x', memoryGb: 24, node: 'v26', v8: '14', redis: '7' },
      figure: {
        ...{ id: 'matrix', title: 'rates', rows: [], notes: [], load: [0.1, 2.2] },
        entrants: [
          {
            ...about,
            id: 'millrace',
            name: 'Millrace',
            measured: [{ ...cell, samples: [sample(100, 4), sample(300, 2)] }],
          },
          { ...about, id: 'loop', name: 'loop', measured: [{ ...cell, samples: [sample(400, 1)] }] },
          { ...about, id: 'bullmq', name: 'jobs', measured: [{ ...cell, samples: [sample(50, 30)] }] },
          { ...about, id: 'restate', name: 'Restate', measured: [{ ...cell, samples: [], failed: 'no such program' }] },
        ],
      },
    },
  ]);
  const [slower, faster] = text.split('### Where Millrace is slower')[1]!.split('### Where Millrace is faster');
  expect(slower).toContain('| loop (Redis streams) | parse only, batch 100 | 0.5× | 3× |');
  expect(faster).toContain('| jobs (Redis streams) | parse only, batch 100 | 4× | 0.1× |');
  expect(text).toContain('| Millrace | 200 (100–300) |');
  expect(text).toContain('- Restate, parse only, batch 100: no such program');
  expect([...graphs.keys()]).toEqual(['matrix-redis-streams-parse.svg']);
});
