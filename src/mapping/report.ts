/** Collects problems; the one place where their texts are scrubbed and put in order. */
import { CONFIG_PROBLEMS_MAX } from '../config-limits.ts';
import { scrubUrl } from './syntax.ts';
import { type Path, pathText } from './tree.ts';
import type { Position, Problem } from './types.ts';

export interface Finding {
  readonly code: string;
  readonly path: Path;
  readonly at: Position;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly severity?: 'error' | 'warning';
}

export class Report {
  readonly #findings: Finding[] = [];
  readonly #perFile = new Map<string, number>();
  readonly #seen = new Set<string>();

  add(finding: Finding): void {
    // What an alias repeats, or two files share, is one problem where it is written.
    const place = JSON.stringify([finding.at, finding.code, finding.message]);
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    const count = (this.#perFile.get(finding.at.file) ?? 0) + 1;
    this.#perFile.set(finding.at.file, count);
    if (count < CONFIG_PROBLEMS_MAX) this.#findings.push(finding);
    if (count === CONFIG_PROBLEMS_MAX) {
      const message = `more than ${CONFIG_PROBLEMS_MAX - 1} problems in this file; the rest is not shown`;
      this.#findings.push({ code: 'too-many-problems', path: [], at: finding.at, message });
    }
  }

  hasErrors(): boolean {
    return this.#findings.some((finding) => finding.severity !== 'warning');
  }

  /** Sorted by file, line, column; no text in it holds a secret. */
  problems(secrets: readonly string[]): Problem[] {
    const problems = this.#findings.map((finding) => toProblem(finding, secrets));
    return sortProblems(problems);
  }
}

export function sortProblems(problems: readonly Problem[]): Problem[] {
  const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return problems.toSorted(
    (a, b) =>
      text(a.file, b.file) || a.line - b.line || a.column - b.column || text(a.path, b.path) || text(a.code, b.code),
  );
}

function toProblem(finding: Finding, secrets: readonly string[]): Problem {
  const hide = (value: string) => harmless(secrets.reduce((all, secret) => all.replaceAll(secret, '***'), value));
  const { file, line, column } = finding.at;
  return {
    severity: finding.severity ?? 'error',
    code: finding.code,
    path: scrubUrl(hide(pathText(finding.path))),
    message: scrubUrl(hide(finding.message)),
    ...(finding.hint === undefined ? {} : { hint: hide(finding.hint) }),
    file,
    line,
    column,
  };
}

/** What a file says must not move the cursor of the terminal that shows it. */
function harmless(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}
