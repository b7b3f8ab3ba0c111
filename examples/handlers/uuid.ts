/** uuid: names that are the same at every delivery (v5, of shard and sequence number), and new ones (v4, v7). */
import type { KinesisStreamEvent } from 'aws-lambda';
import { v4, v5, v7, validate, version } from 'uuid';

const NAMESPACE = '5a1d9b4e-7e0c-4f2b-9b53-4f0d6c1e2a77';

export async function handler(
  event: KinesisStreamEvent,
): Promise<{ names: string[]; fresh: string[]; versions: number[] }> {
  const names = event.Records.map(({ eventID }) => v5(eventID, NAMESPACE));
  const fresh = [v4(), v7()];
  if (!fresh.every((id) => validate(id))) throw new Error('no UUID');
  return { names, fresh, versions: fresh.map((id) => version(id)) };
}
