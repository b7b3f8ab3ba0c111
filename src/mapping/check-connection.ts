/** One connection of the configuration: its fields, its certificates' paths, its secrets. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { checkDeclaredSecret, checkRedisSecret } from './check-secrets.ts';
import { checkMap } from './check-value.ts';
import type { CheckContext, Declared } from './context.ts';
import { checkedAsKafka, checkedAsRedis, type KafkaConnectionFields } from './fields/connection-fields.ts';
import { nodeAt, type TreeNode } from './tree.ts';
import type { ConnectionConfig, RedisConnectionConfig } from './types.ts';

const FILES = ['ca', 'cert', 'key'] as const;

/** Undefined when something in it is wrong; then it has been reported. */
export function checkConnection(declared: Declared, context: CheckContext): ConnectionConfig | undefined {
  const { name, node, keyAt } = declared;
  const at = ['connections', name];
  if (meansRedis(node)) return checkRedis(declared, context);
  for (const secret of [
    ['sasl', 'password'],
    ['ssl', 'passphrase'],
  ]) {
    const written = nodeAt(node, secret);
    if (written?.kind === 'scalar') checkDeclaredSecret(written, [...at, ...secret], context);
  }
  const values = checkMap(checkedAsKafka, node, at, keyAt, context.report);
  if (values === undefined) return undefined;
  const { brokers, clientId, ssl, sasl } = values;
  const resolved = ssl === undefined ? undefined : certificates(declared, ssl, context);
  if (values.type !== 'kafka' || brokers === undefined || clientId === undefined || resolved === undefined)
    return undefined;
  if (sasl === undefined && nodeAt(node, ['sasl']) !== undefined) return undefined;
  return { name, type: values.type, brokers, clientId, ssl: resolved, ...(sasl !== undefined && { sasl }) };
}

/** Where the type does not tell, what else is written does. */
function meansRedis(node: TreeNode): boolean {
  const type = nodeAt(node, ['type']);
  const written = type?.kind === 'scalar' ? type.value : undefined;
  if (written === 'redis' || written === 'kafka') return written === 'redis';
  return nodeAt(node, ['url']) !== undefined && nodeAt(node, ['brokers']) === undefined;
}

function checkRedis({ name, node, keyAt }: Declared, context: CheckContext): RedisConnectionConfig | undefined {
  const at = ['connections', name];
  checkRedisSecret(nodeAt(node, ['url']), [...at, 'url'], context);
  const values = checkMap(checkedAsRedis, node, at, keyAt, context.report);
  return values?.type !== 'redis' || values.url === undefined
    ? undefined
    : { name, type: values.type, url: values.url };
}

/** Paths absolute; undefined when one of them cannot be read. */
function certificates(
  declared: Declared,
  ssl: KafkaConnectionFields['ssl'],
  context: CheckContext,
): KafkaConnectionFields['ssl'] | undefined {
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
