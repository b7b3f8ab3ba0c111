/** What the cluster's ACLs do not let this login do, in a sentence that says to whom what has to be granted. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KafkaConnection, TopicFacts } from './client.ts';

export interface Refused {
  readonly kind: 'describe-topic' | 'read-topic' | 'write-topic' | 'commit-on-topic' | 'join-group';
  readonly name: string;
}

const WORDS: Readonly<Record<Refused['kind'], readonly [act: string, operation: string, option: string]>> = {
  'describe-topic': ['see the topic', 'Describe', '--topic'],
  'read-topic': ['read the topic', 'Read', '--topic'],
  'write-topic': ['write to the topic', 'Write', '--topic'],
  // Kafka's rule for who commits an offset of the topic.
  'commit-on-topic': ['commit how far it came on the topic', 'Read', '--topic'],
  'join-group': ['use the consumer group', 'Read', '--group'],
};

/** Who we are to the cluster, as its ACLs write it, unless it maps the names of certificates to others. */
export function principalOf({ sasl, ssl }: Pick<KafkaConnection, 'sasl' | 'ssl'>): string {
  if (sasl) return `User:${sasl.username}`;
  if (typeof ssl === 'boolean' || ssl.cert === undefined) return 'User:ANONYMOUS';
  try {
    const { subject } = new X509Certificate(readFileSync(ssl.cert));
    return `User:${subject.split('\n').toReversed().join(',')}`;
  } catch {
    // Whoever connects with it says what is wrong with the file.
    return 'the client certificate';
  }
}

export function refusal({ kind, name }: Refused, principal: string): string {
  const [act, operation] = WORDS[kind];
  return `${principal} may not ${act} ${name}: an ACL of the cluster has to grant it ${operation}`;
}

/** Why the topic cannot be read; null: it can. */
export function barOf(
  facts: TopicFacts | 'missing' | 'refused' | null,
  { topic, principal }: { readonly topic: string; readonly principal: string },
): string | null {
  if (facts === 'missing') return `there is no topic ${topic}`;
  if (facts === 'refused') return refusal({ kind: 'describe-topic', name: topic }, principal);
  return facts?.mayRead === false ? refusal({ kind: 'read-topic', name: topic }, principal) : null;
}

export function grantHint({ kind, name }: Refused, principal: string): string {
  const [, operation, option] = WORDS[kind];
  return `kafka-acls --add --allow-principal '${principal}' --operation ${operation} ${option} ${name}`;
}
