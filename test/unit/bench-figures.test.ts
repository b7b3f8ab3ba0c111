/** What figures of `npm run bench` are worked out by: pauses and drains of shards, stacks of a profile, and how the page shows them. */
import { describe, expect, test } from 'vitest';
import { makePage } from '../../bench/page/page.ts';
import { foldedLines, scaled, stacksOf } from '../../bench/support/folded-stacks.ts';
import { parsePerf, stacksOfSamples } from '../../bench/support/perf.ts';
import type { Figure } from '../../bench/support/report.ts';
import { drainRate, longestPauses, type Look } from '../../bench/support/shard-watch.ts';

describe('shards that are looked at', () => {
  const looks: Look[] = [
    { atMs: 0, done: [0, 0], behind: [0, 0] },
    { atMs: 100, done: [10, 10], behind: [0, 0] },
    { atMs: 200, done: [20, 10], behind: [0, 50] },
    { atMs: 300, done: [20, 10], behind: [10, 90] },
    { atMs: 900, done: [30, 10], behind: [0, 200] },
    { atMs: 1_000, done: [40, 60], behind: [0, 150] },
    { atMs: 1_500, done: [50, 210], behind: [5, 10] },
  ];

  test('a pause begins with the last record before the fault, and one that is over before the fault does not count', () => {
    expect(longestPauses(looks, 250, 1_000)).toEqual([700, 900]);
    expect(longestPauses(looks, 950, 1_000)).toEqual([100, 900]);
    expect(longestPauses(looks, 0, 150)).toEqual([100, 900]);
  });

  test('a drain is timed until a tenth is left; one that does not come so far has no rate', () => {
    expect(drainRate(looks, 900)).toBeCloseTo(((260 - 40) / 600) * 1_000);
    expect(drainRate(looks.slice(0, -1), 900)).toBeNaN();
  });
});

describe('stacks', () => {
  const call = (functionName: string, url = '') => ({ functionName, url });
  const src = new URL('../../src/turn/turn.ts', import.meta.url).href;
  const library = new URL('../../node_modules/ioredis/built/redis.js', import.meta.url).href;
  const profile = {
    nodes: [
      { id: 1, callFrame: call('(root)'), children: [2, 6] },
      { id: 2, callFrame: call('run', src), children: [3] },
      { id: 3, callFrame: call('send', library), children: [4] },
      { id: 4, callFrame: call('write', library), children: [5] },
      { id: 5, callFrame: call('writeBuffer') },
      { id: 6, callFrame: call('(idle)') },
    ],
    samples: [2, 5, 4, 6, 5],
    timeDeltas: [1_000, 10, 20, 100, 30],
    endTime: 0,
  };

  test('of a profile: its last part, without idle time, frames of a library in a row as one', () => {
    expect(Object.fromEntries(stacksOf(profile, 160))).toEqual({
      'run [src/turn/turn.ts];send [ioredis];writeBuffer [V8]': 40,
      'run [src/turn/turn.ts];send [ioredis]': 20,
    });
  });

  test('of perf: outermost first, without what lies in no file, each with whose it is', () => {
    const text = [
      '  77 ',
      '\t    7f1 read (/usr/lib/libc.so.6)',
      '\t    aa1 node::fs::Read(v8::FunctionCallbackInfo<v8::Value> const&) (/opt/node)',
      '\t    bb1 unknown (/tmp/perf-77.map)',
      '\t      0 [unknown] ([unknown])',
      '',
      '  78 ',
      '\tffff entry_SYSCALL_64_after_hwframe ([kernel.kallsyms])',
      '\t  5a [unknown] (/opt/bin/redis-check-rdb)',
      '',
    ].join('\n');
    const samples = parsePerf(text);
    expect(samples.map(({ pid }) => pid)).toEqual([77, 78]);
    expect([...stacksOfSamples(samples).keys()]).toEqual([
      'compiled JavaScript [JavaScript];node::fs::Read [Node];read [libc]',
      'redis-server [Redis];kernel [kernel]',
    ]);
  });

  test('what is too little to be seen counts for what it stands on; the sum stays', () => {
    const stacks = scaled(
      new Map([
        ['a;b', 90],
        ['a;c', 1],
        ['a', 9],
      ]),
      'p',
      1_000,
    );
    expect(foldedLines(stacks, 0.02)).toEqual(['p;a 100', 'p;a;b 900']);
  });
});

describe('the page', () => {
  const machine = { date: '2026-11-27T00:00', cores: 2, cpu: 'x', memoryGb: 1, node: 'v26', v8: '14', redis: '7' };
  const page = (figure: Partial<Figure>) =>
    makePage([
      { command: 'c', machine, figure: { id: 'x', title: 't', rows: [], notes: [], load: [0, 0], ...figure } },
    ]);

  test('has a line for each system and a column for each thing measured, and bars by size', () => {
    const row = (name: string, unit: string, ...values: number[]) => ({ name, unit, values });
    const { text, graphs } = page({
      pivot: true,
      graph: { unit: 'ms', logarithmic: false, systems: true },
      rows: [
        row('capacity', 'records/s', 5),
        row('A, 1 shard: CPU', 'ms', 1, 3, 2),
        row('A, 1 shard: memory', 'MB', 7),
        row('B, 1 shard: CPU', 'ms', 4),
        row('B, 1 shard: memory', 'MB', 8),
      ],
    });
    expect(text).toContain('| capacity | 5 | records/s |  |');
    expect(text).toContain('|  | CPU, ms | memory, MB |');
    expect(text).toContain('| A, 1 shard | 2 (1–3) | 7 |\n| B, 1 shard | 4 | 8 |');
    for (const name of ['A', 'B', '1 shard']) expect(graphs.get('x.svg')).toContain(`>${name}</text>`);
  });

  test('draws folded stacks, and names the frames that cost most themselves', () => {
    const { text, graphs } = page({ stacks: ['daemon [process];run [src/turn/turn.ts] 30', 'daemon [process] 10'] });
    expect(text).toContain('| run [src/turn/turn.ts] in daemon | 30 | 75 |');
    expect(graphs.get('x.svg')).toContain('run [turn/turn.ts] 30');
  });
});
