/** A line of the daemon's log, as JSON, made short for the live view. */

/** Text for one line of the terminal; null for lines that say nothing to a person who watches. */
export function logLineText(json: string): string | null {
  const line = parse(json);
  const level = String(line['level'] ?? 'info');
  const origin = [line['mapping'], line['shard']].filter((part) => typeof part === 'string').join('/');
  const text = [line['msg'], line['error'] ?? line['err']]
    .flatMap((part) => (part === undefined ? [] : [textOf(part)]))
    .join(': ');
  if (!['handler', 'platform'].includes(String(line['stream'])) && (level === 'info' || level === 'debug')) return null;
  const time = String(line['time'] ?? '').slice(11, 19);
  return [time, level.padEnd(5), origin, text]
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll(/\s*\n\s*/g, ' ⏎ ');
}

function parse(json: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    // Not of our own making: shown as it is.
    return { level: 'error', msg: json.trim() };
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const message = (value as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : JSON.stringify(value);
}
