/** At which calls daemons crash in a run, and the files by which they agree who does where. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { POINTS, type Side, SIDES } from './points.ts';
import type { Random } from './random.ts';

export interface Planned {
  readonly id: string;
  readonly call: string;
  readonly side: Side;
  /** At the earliest the n-th time that the daemon comes there. */
  readonly nth: number;
}

export type PointLine =
  | { readonly kind: 'seen'; readonly call: string }
  | { readonly kind: 'crash'; readonly id: string; readonly daemon: string; readonly pid: number };

export const planFile = (dir: string): string => path.join(dir, 'crash-plan.json');
export const linesFile = (dir: string): string => path.join(dir, 'points.ndjson');
export const takenFile = (dir: string, id: string): string => path.join(dir, `crashed ${id}`);

/** Every point `times` times, on each side. */
export async function planCrashes(dir: string, random: Random, times: number): Promise<readonly Planned[]> {
  const plan = Object.entries(POINTS).flatMap(([call, most]) =>
    SIDES.flatMap((side) =>
      Array.from({ length: times }, (_, time): Planned => {
        return { id: `${side} ${call} ${time + 1}`, call, side, nth: random.between(1, most) };
      }),
    ),
  );
  await writeFile(planFile(dir), JSON.stringify(plan));
  await writeFile(linesFile(dir), '');
  return plan;
}

export async function readPoints(dir: string): Promise<PointLine[]> {
  // The last line may still be on its way.
  const lines = (await readFile(linesFile(dir), 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as PointLine);
}
