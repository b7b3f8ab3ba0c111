/** Measured values as the page shows them. */
import { type Spread, spread } from '../support/statistics.ts';

const DIGITS = 3;

/** Three digits that count. */
export function shown(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: DIGITS });
}

/** Median, and least and most where there are several. */
export function spreadText(values: readonly number[]): string {
  const { min, median, max }: Spread = spread(values);
  if (values.length === 0) return '–';
  return values.length === 1 ? shown(median) : `${shown(median)} (${shown(min)}–${shown(max)})`;
}

export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
