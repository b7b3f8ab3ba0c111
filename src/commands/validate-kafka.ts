/** `millrace validate --connect`, the Kafka side: whether the cluster answers, has the topics, and lets the login use them. */
import { explainKafka } from '../../connectors/kafka/explain.ts';
import { createKafkaClient } from '../../connectors/kafka/kafkajs.ts';
import { grantHint, principalOf, refusal, type Refused } from '../../connectors/kafka/refused.ts';
import { MillraceError } from '../errors.ts';
import type { KafkaConnectionConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';

/** What is to be done with a topic. */
export type TopicUse =
  | { readonly topic: string; readonly act: 'read'; readonly groupId: string }
  /** `commits`: how far it came is an offset of that topic, too. */
  | { readonly topic: string; readonly act: 'write'; readonly commits: boolean };

export interface TopicFault {
  readonly code: 'topic-missing' | 'kafka-refused';
  /** Of the group, not of the topic. */
  readonly group: boolean;
  readonly message: string;
  readonly hint: string;
}

/** What stands in the way; rejects with `kafka-unreachable`. */
export async function topicFaults(cluster: KafkaConnectionConfig, use: TopicUse): Promise<TopicFault[]> {
  const { topic } = use;
  const groupId = use.act === 'read' ? use.groupId : undefined;
  const principal = principalOf(cluster);
  const refused = (what: Refused): TopicFault => {
    const [message, hint] = [refusal(what, principal), grantHint(what, principal)];
    return { code: 'kafka-refused', group: what.kind === 'join-group', message, hint };
  };
  const client = createKafkaClient(cluster, silentLog);
  try {
    const faults: TopicFault[] = [];
    const facts = await client.facts(topic);
    if (facts === 'missing') {
      const message = `there is no topic \`${topic}\` on \`${cluster.name}\``;
      faults.push({ code: 'topic-missing', group: false, message, hint: '' });
    } else if (facts === 'refused') faults.push(refused({ kind: 'describe-topic', name: topic }));
    else if (facts?.mayRead === false && use.act === 'read') faults.push(refused({ kind: 'read-topic', name: topic }));
    else if (facts && use.act === 'write') {
      if (!facts.mayWrite) faults.push(refused({ kind: 'write-topic', name: topic }));
      if (!facts.mayRead && use.commits) faults.push(refused({ kind: 'commit-on-topic', name: topic }));
    }
    if (groupId !== undefined && !(await client.mayJoin(groupId)))
      faults.push(refused({ kind: 'join-group', name: groupId }));
    return faults;
  } catch (error) {
    const reason = explainKafka(error, { principal, topic, ...(groupId !== undefined && { groupId }) });
    throw new MillraceError('kafka-unreachable', `the Kafka cluster "${cluster.name}": ${reason}`, {
      hint: `look at connections.${cluster.name} in the configuration`,
      cause: error,
    });
  } finally {
    await client.close();
  }
}
