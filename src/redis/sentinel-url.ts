/**
 * URLs of a Redis behind Sentinels: `redis-sentinel://[user:password@]host[:port][,host[:port]…][/database][?…]#NAME`, as Lettuce writes them.
 * User, password and database are those of the servers; `sentinelUsername` and `sentinelPassword` in the query are for the Sentinels. With
 * `rediss-sentinel://` both are spoken to by TLS. Pure.
 */

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface SentinelUrl {
  readonly sentinels: readonly HostPort[];
  /** As the Sentinels call the primary. */
  readonly name: string;
  readonly tls: boolean;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
}

export interface SentinelUrlFault {
  readonly message: string;
  readonly hint: string;
}

export const SENTINEL_URL_FORM = 'redis-sentinel://[user:password@]host[:port][,host[:port]…][/database]#NAME';
const PORT = 26_379;
const SCHEME = /^(rediss?)-sentinel:\/\//i;
const PARTS = /^(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#(.*))?$/;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::(\d*))?$/;
/** What Redis takes for a name (`sentinel monitor`). */
const NAME = /^[\w.-]+$/;
const QUERY = new Set(['sentinelUsername', 'sentinelPassword']);

export const isSentinelUrl = (text: string): boolean => SCHEME.test(text);

/** What is wrong with the URL; never repeats it, because it may hold passwords. Only for what `isSentinelUrl`. */
export function sentinelUrlFault(text: string): SentinelUrlFault | undefined {
  const read = readSentinelUrl(text);
  return 'message' in read ? read : undefined;
}

/** Only for what `isSentinelUrl`; the fault where it is none that can be used. */
export function readSentinelUrl(text: string): SentinelUrl | SentinelUrlFault {
  const [scheme] = SCHEME.exec(text)!;
  const parts = PARTS.exec(text.slice(scheme.length));
  if (!parts) return fault('is not a well-formed URL');
  const [, credentials = '', hosts = '', database = '', query = '', name = ''] = parts;
  if (!NAME.test(name)) return fault('must end in # and the name of the primary');
  if (!/^\d{0,4}$/.test(database)) return fault('must have a database number behind the slash, or nothing');
  const sentinels = hosts.split(',').map(hostOf);
  if (!sentinels.every((one) => one !== undefined)) return fault('has a Sentinel that is not HOST or HOST:PORT');
  const asked = new URLSearchParams(query);
  if ([...asked.keys()].some((key) => !QUERY.has(key)))
    return fault('may have sentinelUsername and sentinelPassword behind the question mark');
  const [username, password] = credentialsOf(credentials);
  const known = { username, password, ...Object.fromEntries(asked) };
  const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== ''));
  return { sentinels, name, tls: scheme.toLowerCase().startsWith('rediss'), db: Number(database), ...given };
}

/** Without passwords, for messages. */
export function scrubSentinelUrl(text: string): string {
  return text.replace(/:\/\/[^@/?#]*@/, '://***@').replace(/(sentinelPassword=)[^&#]*/g, '$1***');
}

const fault = (message: string): SentinelUrlFault => ({
  message,
  hint: `${SENTINEL_URL_FORM}; special characters in a password are percent-encoded`,
});

function hostOf(text: string): HostPort | undefined {
  const [, v6, host = v6, port] = HOST.exec(text) ?? [];
  const number = port === undefined ? PORT : Number(port);
  return host === undefined || port === '' || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function credentialsOf(text: string): (string | undefined)[] {
  const colon = text.indexOf(':');
  return (colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)]).map(decoded);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign is one.
    return text;
  }
}
