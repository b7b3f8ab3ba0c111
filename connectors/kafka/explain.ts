/** What went wrong with a broker, in a sentence that names the setting. Pure; nothing of a secret is in it. */
import { NOT_OFFERED } from './patches.ts';
import { refusal } from './refused.ts';

interface Caused {
  readonly message: string;
  readonly name: string;
  readonly type: string;
  readonly code: string;
}

const UNTRUSTED = /self[- ]signed|unable to (verify|get)|certificate|altname|CERT_/i;

/** What was under way, and who asked. */
export interface Asked {
  readonly principal: string;
  readonly topic: string;
  readonly groupId?: string;
}

export function explainKafka(error: unknown, { principal, topic, groupId = '' }: Asked): string {
  const chain = causes(error);
  const has = (match: (cause: Caused) => boolean) => chain.some(match);
  const text = chain.map((cause) => cause.message).join('; ');
  const offered = chain.find(({ code }) => code === NOT_OFFERED);
  if (offered) return offered.message;
  if (has(({ name }) => name.startsWith('KafkaJSSASL')))
    return `the broker refused the login (sasl): ${chain[0]!.message}`;
  if (has(({ type }) => type === 'TOPIC_AUTHORIZATION_FAILED'))
    return refusal({ kind: 'read-topic', name: topic }, principal);
  if (has(({ type }) => type === 'GROUP_AUTHORIZATION_FAILED'))
    return refusal({ kind: 'join-group', name: groupId }, principal);
  if (has(({ code }) => code === 'ENOENT' || code === 'EACCES')) return `a certificate of ssl cannot be read: ${text}`;
  if (/wrong version number|packet length too long/i.test(text))
    return 'the broker speaks no TLS on that port: remove ssl, or name its TLS port';
  if (has(({ code }) => code === 'ERR_TLS_CERT_ALTNAME_INVALID') || /altnames/i.test(text))
    return `the broker's certificate is for another name than that in brokers: ${text}`;
  if (/key values mismatch/i.test(text)) return 'ssl.key does not belong to ssl.cert';
  if (/alert|certificate required|handshake failure/i.test(text))
    return `the broker refused this client's certificate (ssl.cert, ssl.key): ${text}`;
  if (UNTRUSTED.test(text)) return `the broker's certificate is not trusted (ssl.ca): ${text}`;
  if (has(({ code }) => code === 'ENOTFOUND' || code === 'EAI_AGAIN'))
    return `a broker's name cannot be resolved: ${text}`;
  if (has(({ code }) => code === 'ECONNREFUSED') || /ECONNREFUSED/.test(text)) return `no broker answers: ${text}`;
  if (/closed connection|disconnected|timeout/i.test(text))
    return `the broker does not answer as expected (does it want ssl or sasl?): ${text}`;
  return text;
}

export function isTooLarge(error: unknown): boolean {
  return causes(error).some(({ type }) => type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE');
}

/** `type` of the error where an offset of the topic was not to be committed: Kafka itself says no more than that the topic is refused. */
export const COMMIT_REFUSED = 'COMMIT_REFUSED';
/** Begins the transactional ids and groups of outputs (daemon/forwarding.ts). */
const OURS = 'millrace-output.';
const FENCED = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING'];

/** The same for what was to be written to a topic. */
export function explainSend(error: unknown, asked: Asked): string {
  const { topic, principal } = asked;
  const types = new Set(causes(error).map(({ type }) => type));
  if (isTooLarge(error)) return `a message is larger than the topic ${topic} takes (max.message.bytes)`;
  if (types.has('UNKNOWN_TOPIC_OR_PARTITION')) return `there is no topic ${topic}`;
  if (types.has(COMMIT_REFUSED)) return refusal({ kind: 'commit-on-topic', name: topic }, principal);
  if (types.has('TOPIC_AUTHORIZATION_FAILED')) return refusal({ kind: 'write-topic', name: topic }, principal);
  if (types.has('CLUSTER_AUTHORIZATION_FAILED'))
    return `${principal} may not be an idempotent producer: an ACL of the cluster has to grant it Write on ${topic}`;
  if (types.has('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    return `${principal} may not write transactions: an ACL of the cluster has to grant it Write on the transactional ids ${OURS}*`;
  if (types.has('GROUP_AUTHORIZATION_FAILED'))
    return `${principal} may not keep how far it came: an ACL of the cluster has to grant it Read on the groups ${OURS}*`;
  if (FENCED.some((type) => types.has(type))) return 'another daemon sends for this shard by now';
  if (types.has('NOT_ENOUGH_REPLICAS') || types.has('NOT_ENOUGH_REPLICAS_AFTER_APPEND'))
    return `too few replicas of the topic ${topic} are in sync (min.insync.replicas)`;
  return explainKafka(error, asked);
}

/** kafkajs' name of what went wrong, of the error or of what it was caused by; '' where it has none. */
export function causedType(error: unknown): string {
  return causes(error).find(({ type }) => type !== '')?.type ?? '';
}

/** The error and what it was caused by, outermost first. */
function causes(error: unknown): Caused[] {
  const found: Caused[] = [];
  for (let at: unknown = error; typeof at === 'object' && at !== null && found.length < 8; at = causeOf(at)) {
    const { message, name, type, code } = at as Partial<Record<keyof Caused, unknown>>;
    found.push({
      message: String(message ?? ''),
      name: String(name ?? ''),
      type: String(type ?? ''),
      code: String(code ?? ''),
    });
  }
  return found.length > 0 ? found : [{ message: String(error), name: '', type: '', code: '' }];
}

function causeOf(error: object): unknown {
  const { cause, originalError } = error as { readonly cause?: unknown; readonly originalError?: unknown };
  return cause ?? originalError;
}
