/** Finds the secrets of a configuration, and what should have been one. Nothing here repeats a value. */
import { REDIS_URL_LENGTH_MAX, SECRET_LENGTH_MIN } from '../config-limits.ts';
import type { CheckContext } from './context.ts';
import { type Path, type Scalar, type TreeNode, child } from './tree.ts';

const SOUNDS_SECRET = /(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)$/i;

/** Credentials in a Redis URL. */
export function checkRedisSecret(node: TreeNode | undefined, path: Path, context: CheckContext): void {
  if (node?.kind !== 'scalar' || typeof node.value !== 'string') return;
  if (node.source.length > REDIS_URL_LENGTH_MAX || node.value.length > REDIS_URL_LENGTH_MAX) return;
  for (const password of passwordsIn(node.value)) {
    for (const form of [password, decoded(password)]) if (form.length >= SECRET_LENGTH_MIN) context.secrets.add(form);
  }
  if (passwordsIn(node.source).every((written) => written.includes('${'))) return;
  context.report.add({
    severity: 'warning',
    code: 'secret-in-clear',
    path,
    at: node.at,
    message: 'the password is written in clear',
    hint: 'write redis://:${REDIS_PASSWORD}@host:port, and set the variable',
  });
}

/** Of the server, and of its Sentinels. */
function passwordsIn(url: string): string[] {
  const found = [/:\/\/[^/?#@\s]*?:([^/?#\s]*)@/, /[?&]sentinelPassword=([^&#\s]*)/].map((form) => form.exec(url)?.[1]);
  return found.flatMap((password) => password || []);
}

/** Entries of one function's environment; answers the names of those written `{ secret: … }`. */
export function checkEnvironmentSecrets(
  environment: TreeNode | undefined,
  path: Path,
  context: CheckContext,
): string[] {
  if (environment?.kind !== 'map') return [];
  return environment.entries
    .values()
    .toArray()
    .flatMap(({ key, node }) => {
      const secret = child(node, 'secret');
      if (secret?.kind === 'scalar') {
        checkDeclaredSecret(secret, [...path, key, 'secret'], context, '{ secret: ${VAR} }');
        return [key];
      }
      if (node.kind === 'scalar' && typeof node.value === 'string' && node.value !== '' && SOUNDS_SECRET.test(key))
        soundsSecret(key, node, [...path, key], context);
      return [];
    });
}

/** A value that is declared secret; `form` is how it is to be written. */
export function checkDeclaredSecret(node: Scalar, path: Path, context: CheckContext, form = '${VAR}'): void {
  // A number or boolean is refused for its type, but must not be shown either.
  const value = typeof node.value === 'string' ? node.value : node.source;
  if (value === '' || node.broken) return;
  if (value.length >= SECRET_LENGTH_MIN) context.secrets.add(value);
  const warn = (code: string, message: string, hint: string) =>
    context.report.add({ severity: 'warning', code, path, at: node.at, message, hint });
  if (node.variables.length === 0)
    warn('secret-in-clear', 'a secret is written in clear', `write ${form}, and set the variable`);
  if (value.length < SECRET_LENGTH_MIN) {
    warn(
      'secret-short',
      `a secret of fewer than ${SECRET_LENGTH_MIN} characters is not kept out of logs`,
      'so short a text would be replaced where it is no secret; use a longer one',
    );
  }
}

function soundsSecret(key: string, node: Scalar, path: Path, context: CheckContext): void {
  if (node.value !== null && String(node.value).length >= SECRET_LENGTH_MIN) context.hidden.add(String(node.value));
  const clear = node.variables.length === 0;
  context.report.add({
    severity: 'warning',
    code: clear ? 'secret-in-clear' : 'secret-undeclared',
    path,
    at: node.at,
    message: clear
      ? 'this looks like a secret, and is written in clear'
      : 'this looks like a secret, and is not declared as one: it may appear in logs',
    hint: clear
      ? `write { secret: \${${key}} }, and set the variable`
      : `write { secret: ${node.source.length < 60 ? node.source : '${VAR}'} }`,
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // the URL's own check reports it
  }
}
