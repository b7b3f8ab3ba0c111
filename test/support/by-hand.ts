/** Flags of the programs that developers run by hand. What does not fit is a sentence and exit code 2, before anything is started. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

const WRONG_USE = 2;

export function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(WRONG_USE);
}

export function flagsOf<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS_')) throw error;
    return refuse((error as Error).message);
  }
}

/** Nothing that a developer wants is larger: seeds are of 31 bits. */
const WHOLE_MAX = 2 ** 31 - 1;

export function whole(text: string, flag: string, from = 1): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= WHOLE_MAX) return value;
  return refuse(`--${flag} takes a whole number from ${from} to ${WHOLE_MAX}, not "${text}"`);
}

/** Of minutes, seconds, multiples: with a fraction or without. */
export function positive(text: string, flag: string): number {
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  return value > 0 ? value : refuse(`--${flag} takes a number above 0, not "${text}"`);
}

/** A list with commas, each of which there is. */
export function among(text: string, what: string, known: readonly string[]): string[] {
  const wanted = text.split(',').map((one) => one.trim());
  const unknown = wanted.filter((one) => !known.includes(one));
  if (unknown.length === 0) return wanted;
  return refuse(`there is no ${what} "${unknown.join('", "')}"; there are ${known.join(', ')}`);
}
