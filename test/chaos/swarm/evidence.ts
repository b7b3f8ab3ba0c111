/** What is kept of a run that was not clean, in a directory of its own: all of its history, and the little that shows what was wrong. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HistoryLine } from '../../support/history.ts';
import { describeViolations } from '../checker.ts';
import type { Checked, Lab } from '../lab/lab.ts';
import type { Violation } from '../shard-view.ts';

/** Around the lines that show it. */
const AROUND_MS = 3_000;

interface Broken {
  readonly checked: Checked | null;
  readonly error: Error | null;
}

/** Resolves with the directory. */
export async function keepEvidence(
  lab: Lab,
  { seed, source }: { readonly seed: number; readonly source: string },
  { checked, error }: Broken,
): Promise<string> {
  const dir = path.join(tmpdir(), `millrace-chaos-${source}-${seed}-${Date.now()}`);
  await mkdir(dir);
  const violations = checked?.violations ?? [];
  const [first] = violations;
  await Promise.all([
    copyFile(lab.recorder.file, path.join(dir, 'history.ndjson')),
    writeFile(path.join(dir, 'daemons.log'), lab.log()),
    writeFile(path.join(dir, 'violations.txt'), `${error?.stack ?? ''}${describeViolations(violations, Infinity)}\n`),
    ...(first && checked ? [writeFile(path.join(dir, 'around.ndjson'), around(first, checked.history))] : []),
  ]);
  return dir;
}

/** The shard's lines, and the faults, shortly before and after what shows the violation. */
function around({ shard, excerpt }: Violation, history: readonly HistoryLine[]): string {
  const times = excerpt.map(({ tMono }) => tMono);
  const [from, to] = [Math.min(...times) - AROUND_MS, Math.max(...times) + AROUND_MS];
  const own = (line: HistoryLine): boolean =>
    line.kind === 'fault' || !('shard' in line) || shard === null || shard.startsWith(line.shard);
  return history
    .filter((line) => line.tMono >= from && line.tMono <= to && own(line))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}
