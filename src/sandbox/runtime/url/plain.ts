/**
 * URLs that the parser would give back as they are but for their host: `http://` or `https://`, a host of plain letters, and nothing after it
 * that is encoded or resolved. Nearly all that handlers fetch are; the standard's machine (parser.ts) takes a step for each character.
 */
import { parseHost } from './host.ts';
import { DEFAULT_PORTS, type UrlRecord } from './record.ts';

/**
 * Scheme, host, port, path, query, fragment. What may stand in the last three is what none of the sets of percent.ts encodes there. A backslash
 * would be a slash; a user name, brackets and an empty port are left to the machine.
 */
const PLAIN =
  /^(https?):\/\/([\w.-]+)(?::(\d{1,5}))?((?:\/[!$%&'()*+,\-.:;=@\w[\]|~]*)*)(?:\?([!$%&()*+,\-./:;=?@\w[\\\]^`{|}~]*))?(?:#([!#$%&'()*+,\-./:;=?@\w[\\\]^{|}~]*))?$/;
/** A segment that is `.` or `..`, encoded or not. */
const DOTTED = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** Null: no URL. Undefined: not so plain. */
export function parsePlain(text: string): UrlRecord | null | undefined {
  const parts = PLAIN.exec(text);
  if (parts === null) return undefined;
  const [, scheme, host, port, path, query, fragment] = parts as unknown as [
    string,
    string,
    string,
    ...(string | undefined)[],
  ];
  if (DOTTED.test(path!)) return undefined;
  const number = port === undefined ? null : Number(port);
  const parsed = parseHost(host, true);
  if (parsed === null || (number !== null && number > 65_535)) return null;
  return {
    scheme,
    username: '',
    password: '',
    host: parsed,
    port: number === DEFAULT_PORTS.get(scheme) ? null : number,
    path: path === '' ? [''] : path!.slice(1).split('/'),
    query: query ?? null,
    fragment: fragment ?? null,
  };
}
