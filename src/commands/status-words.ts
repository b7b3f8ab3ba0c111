/** Words that the views of `status` share. */
import { DAY, HOUR, MINUTE, SECOND } from '../time.ts';

export type Paint = (style: 'bold' | 'red' | 'yellow' | 'green' | 'dim', text: string) => string;

export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

export function firstLine(text: string): string {
  const line = text.split('\n')[0]!;
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** Two units at most: `1 d 3 h`, `12 min 5 s`, `4.2 s`, `80 ms`. */
export function duration(ms: number): string {
  const rounded = Math.max(0, Math.round(ms));
  if (rounded < SECOND) return `${rounded} ms`;
  if (rounded < 10 * SECOND) return `${(rounded / SECOND).toFixed(1)} s`;
  const units = [
    ['d', DAY],
    ['h', HOUR],
    ['min', MINUTE],
    ['s', SECOND],
  ] as const;
  const at = units.findIndex(([, size]) => rounded >= size);
  const [name, size] = units[at]!;
  const first = `${Math.floor(rounded / size)} ${name}`;
  const next = units[at + 1];
  const rest = next ? Math.floor((rounded % size) / next[1]) : 0;
  return next && rest > 0 ? `${first} ${rest} ${next[0]}` : first;
}
