/**
 * `{ secret: ${VAR} }` is no YAML: inside braces the `{` of the reference begins another map. It is how people write it, though, and how
 * our own documents do. So what has a meaning in YAML inside a reference is exchanged, before parsing, for characters that have none;
 * one for one, so that every position stays true, and back in every text that the parser hands out.
 */
const PLAIN = '{}[],:#';
// Private use: no meaning in YAML, none in any language.
const VEILED = '\ue0f0\ue0f1\ue0f2\ue0f3\ue0f4\ue0f5\ue0f6';

/** A longer one is left to the parser, so that a file full of `${` takes no longer than any other. */
const REFERENCE_LENGTH_MAX = 400;

/** Undefined when the text has such characters of its own: then it is parsed as it is. */
export function veil(text: string): string | undefined {
  if (/[\ue0f0-\ue0f6]/.test(text)) return undefined;
  const parts: string[] = [];
  let at = 0;
  for (let begin = text.indexOf('${'); begin !== -1; begin = text.indexOf('${', at)) {
    const end = endOfReference(text, begin);
    parts.push(text.slice(at, begin), exchange(text.slice(begin, end), PLAIN, VEILED));
    at = end;
  }
  return parts.join('') + text.slice(at);
}

/**
 * One level of nesting is taken along, so that interpolate.ts can say that it is not allowed. A reference with quotes or a line break
 * in it is left alone: it may be an unclosed one, and the brace somebody else's.
 */
function endOfReference(text: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < Math.min(text.length, begin + REFERENCE_LENGTH_MAX); at += 1) {
    const character = text[at]!;
    if (character === '$' && text[at + 1] === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (depth === 0) return at + 1;
    if (depth > 2 || character === '\n' || character === '"' || character === "'") break;
  }
  return begin + 1;
}

export function unveil(text: string): string {
  return /[\ue0f0-\ue0f6]/.test(text) ? exchange(text, VEILED, PLAIN) : text;
}

function exchange(text: string, from: string, to: string): string {
  return Array.from(text, (character) => {
    const index = from.indexOf(character);
    return index === -1 ? character : to[index]!;
  }).join('');
}
