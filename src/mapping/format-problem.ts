/** A problem as people read it: where, what, and what to do. */
import type { Problem } from './types.ts';

/** Paints words; the default paints nothing. */
export type Paint = (style: 'bold' | 'red' | 'yellow' | 'dim', text: string) => string;

export const noPaint: Paint = (_style, text) => text;

export function formatProblem(problem: Problem, paint: Paint = noPaint): string {
  const file = problem.entry === undefined ? problem.file : `${problem.file}!/${problem.entry}`;
  const place = paint('bold', `${file}:${problem.line}:${problem.column}`);
  const severity = problem.severity === 'error' ? paint('red', 'error') : paint('yellow', 'warning');
  const where = problem.path === '' ? '' : `${problem.path}: `;
  const first = `${place}  ${severity}  ${where}${problem.message}  ${paint('dim', `[${problem.code}]`)}`;
  return problem.hint === undefined ? first : `${first}\n    ${paint('dim', 'hint:')} ${problem.hint}`;
}
