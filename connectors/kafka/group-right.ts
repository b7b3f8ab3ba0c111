/**
 * Whether the login may be a member of the group: asked with a heartbeat of nobody's, so that those who are members notice nothing. By steps
 * of its own: kafkajs takes a coordinator that it is refused for one that is not there, and looks for it for ever.
 */
import { causedType } from './explain.ts';

/** What is used of kafkajs' inside. */
interface Cluster {
  connect(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findControllerBroker(): Promise<{
    findGroupCoordinator(group: {
      readonly groupId: string;
      readonly coordinatorType: number;
    }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  }>;
  findBroker(of: { readonly nodeId: number }): Promise<{
    heartbeat(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
    }): Promise<unknown>;
  }>;
}

const GROUP = 0;
/** A right is looked at before the member is, and before it is known where the group's state lies. */
const GRANTED = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'GROUP_ID_NOT_FOUND']);
/** A cluster that has no groups yet, or moves them right now, tells later. */
const NOT_SAID = new Set(['GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP', 'GROUP_LOAD_IN_PROGRESS']);

export async function mayJoin(cluster: unknown, groupId: string): Promise<boolean> {
  const inside = cluster as Cluster;
  try {
    await inside.connect();
    await inside.refreshMetadataIfNecessary();
    const any = await inside.findControllerBroker();
    const { coordinator } = await any.findGroupCoordinator({ groupId, coordinatorType: GROUP });
    const broker = await inside.findBroker({ nodeId: coordinator.nodeId });
    await broker.heartbeat({ groupId, groupGenerationId: 0, memberId: 'nobody' });
    return true;
  } catch (error) {
    const type = causedType(error);
    if (type === 'GROUP_AUTHORIZATION_FAILED') return false;
    if (GRANTED.has(type) || NOT_SAID.has(type)) return true;
    throw error;
  }
}
