/** Keeps secrets out of what is written: every occurrence of a secret value, wherever it stands in a line, becomes `[redacted]`. */
import { asciiOnly } from '../ascii-json.ts';

/** Shorter values occur by chance in too many places; contract.md promises from here on. */
const SECRET_CHARS_MIN = 8;
const MARK = '[redacted]';

export type Redact = (text: string) => string;

/** For text of any kind: error messages, what a handler wrote. Values below 8 characters are left alone. */
export function textRedactor(secrets: readonly string[]): Redact {
  return replacer(secrets.filter((secret) => secret.length >= SECRET_CHARS_MIN));
}

/**
 * For one line of JSON: finds secrets also as JSON writes them (escaped quotes, line breaks, any character as \uXXXX), in every value and
 * name, and always answers with a line of JSON again.
 */
export function lineRedactor(secrets: readonly string[]): Redact {
  const long = secrets.filter((secret) => secret.length >= SECRET_CHARS_MIN);
  const inLine = replacer(long.flatMap(spellings));
  const inText = replacer(long);
  if (long.length === 0) return (line) => line;
  return (line) => {
    const redacted = inLine(line);
    if (redacted === line || isJson(redacted)) return redacted;
    // The secret was no text but, say, a number that stood in the line bare: replace value by value.
    return `${JSON.stringify(redactValue(JSON.parse(line), inText))}\n`;
  };
}

function spellings(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = asciiOnly(json);
  // JSON text inside JSON text (an event or an error payload in a field) is escaped twice.
  const twice = JSON.stringify(json).slice(1, -1);
  return [...new Set([secret, json, ascii, twice])];
}

function replacer(values: readonly string[]): Redact {
  if (values.length === 0) return (text) => text;
  // The longest first, so that no part of a secret stays when another one is its beginning.
  const sorted = values.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(sorted.map((value) => escape(value)).join('|'), 'g');
  return (text) => text.replace(pattern, MARK);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function redactValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'number' || typeof value === 'boolean') {
    const text = String(value);
    return redact(text) === text ? value : redact(text);
  }
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [redact(name), redactValue(item, redact)]));
}
