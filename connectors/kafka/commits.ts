/**
 * Commits over a connection of their own. A broker answers the requests of one connection in turn, and a commit is answered only when all
 * copies of the group's offsets have it: up to 5 s while one of those is away. On kafkajs' own connection the heartbeats wait behind it,
 * and all fetching waits for the heartbeats.
 */
import type { CommitEntry } from './client.ts';

/** Under which a member may commit. */
export interface Membership {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupGenerationId: number;
}

/** What is used of kafkajs' inside. */
interface Cluster {
  connect(): Promise<void>;
  findGroupCoordinator(group: { readonly groupId: string }): Promise<{
    offsetCommit(
      request: Membership & {
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly offset: string;
            readonly metadata: string;
          }[];
        }[];
      },
    ): Promise<unknown>;
  }>;
}

/** Rejected by the broker when the membership is not the group's current one. */
export async function commitApart(
  cluster: unknown,
  membership: Membership,
  topic: string,
  entries: readonly CommitEntry[],
): Promise<void> {
  const inside = cluster as Cluster;
  await inside.connect();
  const coordinator = await inside.findGroupCoordinator({ groupId: membership.groupId });
  const partitions = entries.map(({ partition, offset, metadata }) => ({
    partition,
    offset: String(offset),
    metadata,
  }));
  await coordinator.offsetCommit({ ...membership, topics: [{ topic, partitions }] });
}
