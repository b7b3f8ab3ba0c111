/** What the index must say of the bucket. */
import type { Verdict } from '../run-example.ts';
import type { ObjectIndex } from './object-index.ts';

export interface Found extends Pick<ObjectIndex, 'lostAnswers' | 'ignored'> {
  /** Object → bytes. */
  readonly objects: ReadonlyMap<string, number>;
}

export function judgeUploads(found: Found, expected: ReadonlyMap<string, number>, notifications: number): Verdict {
  const { objects, lostAnswers, ignored } = found;
  const lines = [
    '  index',
    `    objects   ${objects.size} of ${expected.size}, from ${notifications} notifications`,
    `    repeats   ${lostAnswers} answers were lost and their batches came again; ${ignored} changes were old and ignored`,
  ];
  const wrong: string[] = [];
  for (const [object, size] of expected) {
    const known = objects.get(object);
    if (known === undefined) wrong.push(`${object} has ${size} bytes; the index does not know it.`);
    else if (known !== size) wrong.push(`${object} has ${size} bytes; the index says ${known}.`);
  }
  for (const object of objects.keys()) if (!expected.has(object)) wrong.push(`${object} is gone; the index has it.`);
  return { lines, wrong };
}
