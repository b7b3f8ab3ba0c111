/** What a function returns for the next stage (contract.md, "Outputs and pipelines"), and what a turn asks of the stream that takes it. */
import { OUTBOX_STREAM, type OutboxTarget } from './outbox.ts';

/** One entry of the list, checked. */
export interface Output {
  readonly partitionKey: string;
  readonly data: string | Buffer;
  /** A JSON object of texts; '': none. */
  readonly headers: string;
  /** End of the entry's `origin`: `<sequence number>/<n>`. */
  readonly origin: string;
}

/** Where outputs go at one state of the stream's shards. */
export interface OutputRoute {
  /** Of the topology; '' for a plain stream. A settle that finds another one writes nothing, and the outputs are routed anew. */
  readonly revision: string;
  readonly topologyKey: string;
  readonly keys: readonly string[];
  /** Index into `keys`. */
  indexOf(partitionKey: string): number;
}

/** What the slowest mapping that reads the stream has not settled. */
export interface Backlog {
  readonly mapping: string;
  readonly unsettled: number;
}

export interface OutputPlace {
  readonly stream: string;
  /** It is on another system: the stream is the shard's outbox. */
  readonly outbox?: OutboxTarget;
}

/** What a mapping's `output` says. */
export type WrittenOutput =
  | { readonly type: 'redis-stream'; readonly stream: string; readonly connection?: string }
  | { readonly type: 'kafka-topic'; readonly connection: string; readonly topic: string };

/** A stream of the Redis that the mapping runs on needs no outbox. */
export function outputPlaceOf(output: WrittenOutput): OutputPlace {
  const { connection } = output;
  if (output.type === 'kafka-topic')
    return { stream: OUTBOX_STREAM, outbox: { connection: output.connection, topic: output.topic } };
  if (connection === undefined) return { stream: output.stream };
  return { stream: OUTBOX_STREAM, outbox: { connection, stream: output.stream } };
}

export interface OutputTarget {
  readonly stream: string;
  /** As it was when last looked at, or, `anew`, as it is now. Rejects with a MillraceError when the name is no stream's. */
  route(anew: boolean): Promise<OutputRoute>;
  /**
   * Why no more may be appended now, `most` being what may be unsettled there; null: it may. Looks at most every OUTPUT_LOOK_MS, sooner
   * when what was `added` since may have used the room up.
   */
  full(most: number): Promise<string | null>;
  /** So many were appended by us. */
  added(count: number, bytes: number): void;
}
