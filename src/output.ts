/** What a function returns for the next stage (contract.md, "Outputs and pipelines"), and what a turn asks of the stream that takes it. */
import { OUTPUT_PIECE_BYTES, OUTPUT_PIECE_ENTRIES } from './limits.ts';
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

/** What the slowest mapping that reads the place has not settled. */
export interface Backlog {
  readonly mapping: string;
  readonly unsettled: number;
}

/** Asks how far the mappings of this namespace that read a place on another system are behind. */
export interface BacklogAt {
  /** Null: none of them has begun to. Rejects with a sentence. */
  read(): Promise<Backlog | null>;
  close(): Promise<void>;
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

/** Pieces that each fit into one script; an entry that is too large for that is a piece by itself. */
export function inPieces<T>(entries: readonly T[], bytesOf: (entry: T) => number): T[][] {
  const pieces: T[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = bytesOf(entry);
    const piece = pieces.at(-1);
    bytes += size;
    if (piece && piece.length < OUTPUT_PIECE_ENTRIES && bytes <= OUTPUT_PIECE_BYTES) piece.push(entry);
    else {
      pieces.push([entry]);
      bytes = size;
    }
  }
  return pieces;
}

/** For scripts that append: why a key cannot take it, in one place for all of them, and what an output is as an entry. */
export const OUTPUT_LUA = `
-- Why nothing could be appended to a key, or nil; and the key's type.
local function unfit(key, what)
  -- A command that the ACL refuses is a refusal like any other: the unit waits and status says for what.
  local kind = redis.pcall('TYPE', key)
  if kind.err then return 'the ACL refuses TYPE on ' .. key end
  kind = kind.ok
  if kind ~= 'none' and kind ~= 'stream' then return 'the ' .. what .. ' ' .. key .. ' is a ' .. kind end
  if not redis.acl_check_cmd('XADD', key, '*', 'notice', '') then return 'the ACL refuses XADD on ' .. key end
  if kind == 'none' then return nil, kind end
  local info = redis.pcall('XINFO', 'STREAM', key)
  if info.err then return 'the ACL refuses XINFO on ' .. key end
  for i = 1, #info, 2 do
    -- Within the last millisecond of the id space not every XADD can be promised: count what is left of it.
    if info[i] == 'last-generated-id' and string.sub(info[i + 1], 1, 20) == '18446744073709551615' then
      return 'the ' .. what .. ' ' .. key .. ' has used up its ids'
    end
  end
  return nil, kind
end
-- Why outputs could not be appended to a key, or nil. 'sharded': its stream has a topology, so that the key has to be there.
local function unfitForOutputs(key, sharded)
  local refusal, kind = unfit(key, 'output stream')
  if kind == 'none' and sharded then return 'the output stream’s key ' .. key .. ' was deleted' end
  return refusal
end
local function addOutput(key, partitionKey, data, origin, headers)
  if headers == '' then redis.call('XADD', key, '*', 'partitionKey', partitionKey, 'data', data, 'origin', origin)
  else redis.call('XADD', key, '*', 'partitionKey', partitionKey, 'data', data, 'origin', origin, 'headers', headers) end
end
`;
