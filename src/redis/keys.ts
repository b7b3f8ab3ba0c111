/**
 * Every key that Millrace owns, so that nobody spells one by hand. `namespace` begins all of them (product.md, Namespaces);
 * users' own plain streams are the only keys without it.
 */
export class Keys {
  readonly namespace: string;
  constructor(namespace: string) {
    this.namespace = namespace;
  }
  /** Hash: pinned fields (JSON), createdAt, revision of a mapping. */
  mapping(name: string): string {
    return `${this.namespace}:mapping:${name}`;
  }
  /** Set of the names of all mappings that have state. */
  mappings(): string {
    return `${this.namespace}:mappings`;
  }
  /** Hash: one shard's state for one mapping. Written only by the scripts of shard/lua. */
  shard(mapping: string, shardId: string): string {
    return `${this.namespace}:shard:${mapping}:${shardId}`;
  }
  /** Sorted set (score 0) of the shard ids that a mapping has state for. */
  shardIndex(mapping: string): string {
    return `${this.namespace}:shards:${mapping}`;
  }
  /** Hash: topology of a sharded stream. */
  stream(name: string): string {
    return `${this.namespace}:stream:${name}`;
  }
  /** Stream: the records of one shard of a sharded stream. Producers XADD here (contract.md). */
  streamShard(name: string, shardId: string): string {
    return `${this.namespace}:stream:${name}:${shardId}`;
  }
  /** Stream: the records of a shard that is filled from another system, per mapping (spool.ts). */
  spool(mapping: string, shardId: string): string {
    return `${this.namespace}:spool:${mapping}:${shardId}`;
  }
  /** List: outputs of one settle that are too many for one script, in pieces, until they are moved to their stream (shard/outputs.ts). */
  staged(mapping: string, shardId: string): string {
    return `${this.namespace}:staged:${mapping}:${shardId}`;
  }
  /** Set of the names of all sharded streams. */
  streams(): string {
    return `${this.namespace}:streams`;
  }
  /** Stream: messages of one shard that pollers have still to send to another system (shard/outbox.ts). */
  outbox(mapping: string, shardId: string): string {
    return `${this.namespace}:outbox:${mapping}:${shardId}`;
  }
  /** Stream: outputs of one shard that pollers have still to send to another system. */
  unsent(mapping: string, shardId: string): string {
    return `${this.namespace}:unsent:${mapping}:${shardId}`;
  }
  /** Hash beside a stream that takes outputs from another Redis: how far it has those of one shard (redis-stream/exact-output.ts). */
  forwarded(name: string, stream: string): string {
    return `${this.namespace}:forwarded:${name}:${stream}`;
  }
  /** String with a TTL: how far the readers of a place on another system are behind (observe/noted-backlog.ts). */
  behind(place: string): string {
    return `${this.namespace}:behind:${place}`;
  }
  /** String with a TTL: the last batch that one producer's session put, so that a batch sent twice is taken once. */
  producer(session: string): string {
    return `${this.namespace}:producer:${session}`;
  }
  /** Set of the mappings that read a stream key: what trimming must wait for. */
  readers(streamKey: string): string {
    return `${this.namespace}:readers:${streamKey}`;
  }
  /** Consumer group on a shard's key that makes the checkpoint visible to Redis' own tools. */
  group(mapping: string): string {
    return `${this.namespace}:${mapping}`;
  }
  /** Default failure stream of a mapping. */
  failures(mapping: string): string {
    return `${this.namespace}:failures:${mapping}`;
  }
  /** Set of the mappings that have notices to be redriven. */
  redrives(): string {
    return `${this.namespace}:redrives`;
  }
  /** Set of a mapping's shards that have notices to be redriven. */
  redriveShards(mapping: string): string {
    return `${this.namespace}:redrive-shards:${mapping}`;
  }
  /** Sorted set (score 0): notices of one shard that are to be redriven, by the position of their first record (shard/redrive-line.ts). */
  redrive(mapping: string, shardId: string): string {
    return `${this.namespace}:redrive:${mapping}:${shardId}`;
  }
  /** Hash: what is known of the redrive of each notice of a mapping. */
  redriveTickets(mapping: string): string {
    return `${this.namespace}:redrive-tickets:${mapping}`;
  }
  /** Hash: notices that are to be redriven and come from another system, as text. */
  redriveTexts(mapping: string): string {
    return `${this.namespace}:redrive-texts:${mapping}`;
  }
  /** Hash: registered versions of a function (hash → order of registration). */
  functionVersions(name: string): string {
    return `${this.namespace}:function:${name}`;
  }
  /** String with a TTL: one live daemon. */
  daemon(id: string): string {
    return `${this.namespace}:daemon:${id}`;
  }
  /** String with a TTL: what a live daemon says of its functions (JSON). */
  daemonFunctions(id: string): string {
    return `${this.namespace}:daemon:${id}:functions`;
  }
  /** Sorted set: daemon id → last heartbeat (Redis ms). */
  daemons(): string {
    return `${this.namespace}:daemons`;
  }
  /** Stream: who did what, and which configurations were put in force (observe/audit.ts). */
  audit(): string {
    return `${this.namespace}:audit`;
  }
  /** Pub/sub channel on which turns hand the watch of a shard back to the pollers. */
  watchChannel(): string {
    return `${this.namespace}:watch`;
  }
  /** BullMQ's key prefix; the queue's name is the mapping's. */
  queuePrefix(): string {
    return `${this.namespace}:queue`;
  }
}
