/** One connection of the configuration: its fields, its certificates' paths, its secrets. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { checkDeclaredSecret } from './check-secrets.ts';
import { checkMap } from './check-value.ts';
import type { CheckContext, Declared } from './context.ts';
import { type ConnectionFields, connectionShape } from './fields/connection-fields.ts';
import { nodeAt } from './tree.ts';
import type { ConnectionConfig } from './types.ts';

const FILES = ['ca', 'cert', 'key'] as const;

/** Undefined when something in it is wrong; then it has been reported. */
export function checkConnection(declared: Declared, context: CheckContext): ConnectionConfig | undefined {
  const { name, node, keyAt } = declared;
  const at = ['connections', name];
  for (const secret of [
    ['sasl', 'password'],
    ['ssl', 'passphrase'],
  ]) {
    const written = nodeAt(node, secret);
    if (written?.kind === 'scalar') checkDeclaredSecret(written, [...at, ...secret], context);
  }
  const values = checkMap(connectionShape, node, at, keyAt, context.report);
  if (values === undefined) return undefined;
  const { brokers, clientId, ssl, sasl } = values;
  const resolved = ssl === undefined ? undefined : certificates(declared, ssl, context);
  if (values.type === undefined || brokers === undefined || clientId === undefined || resolved === undefined)
    return undefined;
  if (sasl === undefined && nodeAt(node, ['sasl']) !== undefined) return undefined;
  return { name, type: values.type, brokers, clientId, ssl: resolved, ...(sasl !== undefined && { sasl }) };
}

/** Paths absolute; undefined when one of them cannot be read. */
function certificates(
  declared: Declared,
  ssl: ConnectionFields['ssl'],
  context: CheckContext,
): ConnectionFields['ssl'] | undefined {
  if (typeof ssl === 'boolean') return ssl;
  const from = path.dirname(declared.file.absolute);
  const found: { ca?: string; cert?: string; key?: string } = {};
  let good = true;
  const report = (field: string, code: string, message: string, hint: string) => {
    good = false;
    const place = ['ssl', field];
    const position = nodeAt(declared.node, place)?.at ?? declared.keyAt;
    context.report.add({ code, path: ['connections', declared.name, ...place], at: position, message, hint });
  };
  for (const field of FILES) {
    const written = ssl[field];
    if (written === undefined) continue;
    const absolute = path.resolve(from, written);
    found[field] = absolute;
    if (!readable(absolute)) report(field, 'file-missing', 'cannot be read', 'the path is relative to the YAML file');
  }
  if ((ssl.cert === undefined) !== (ssl.key === undefined)) {
    const [there, missing] = ssl.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    report(
      there!,
      'certificate-half',
      `\`${there}\` needs \`${missing}\``,
      'a client certificate and its key go together',
    );
  }
  return good ? { ...ssl, ...found } : undefined;
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    // Whatever the reason: it cannot be read now, and says so.
    return false;
  }
}
