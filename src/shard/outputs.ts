/**
 * Outputs on their way to a stream of the same Redis. Few go with the settle itself; many are laid beside the shard in pieces, unseen, the
 * settle makes all of them official, and then each piece is moved in a step of its own (architecture.md §2).
 */
import { inPieces, type Output, OUTPUT_LUA, type OutputRoute } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import { packTexts } from './pack.ts';
import { fencedBy, type Holding } from './take.ts';

const lua = new URL('./lua/', import.meta.url);
const stageScript = loadScript(lua, 'stage-2.lua');
const unstageScript = loadScript(lua, 'unstage-2.lua');
const moveScript = loadScript(lua, 'move-N.lua', { with: OUTPUT_LUA });

/** What a settle does with outputs: append `entries`, or make `staged` pieces official. */
export interface Shipment {
  readonly stream: string;
  readonly stagedKey: string;
  readonly topologyKey: string;
  readonly revision: string;
  readonly staged: number;
  readonly stage: string;
  readonly keys: readonly string[];
  readonly index: Buffer;
  readonly packed: Buffer;
}

export function piecesOf(outputs: readonly Output[]): Output[][] {
  return inPieces(outputs, (output) => bytesOf([output]));
}

export function bytesOf(outputs: readonly Output[]): number {
  let bytes = 0;
  for (const { data, partitionKey, headers } of outputs)
    bytes += Buffer.byteLength(data) + Buffer.byteLength(partitionKey) + headers.length;
  return bytes;
}

/** `prefix`: beginning of each entry's origin. */
export function packOutputs(outputs: readonly Output[], prefix: string): Buffer {
  return packTexts(
    outputs.map(({ partitionKey, data, origin, headers }) => [partitionKey, data, prefix + origin, headers]),
  );
}

function partitionKeysIn(packed: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < packed.length;) {
    const length = packed.readUInt32BE(at);
    found.push(packed.toString('utf8', at + 4, at + 4 + length));
    for (let field = 0; field < 4; field++) at += 4 + packed.readUInt32BE(at);
  }
  return found;
}

/** Only the keys that some entry goes to, because each is checked. */
export function address(
  route: OutputRoute,
  partitionKeys: readonly string[],
): { readonly keys: string[]; readonly index: Buffer } {
  const index = Buffer.allocUnsafe(2 * partitionKeys.length);
  const places = new Map<number, number>();
  partitionKeys.forEach((partitionKey, i) => {
    const shard = route.indexOf(partitionKey);
    const place = places.get(shard) ?? places.size;
    places.set(shard, place);
    index.writeUInt16BE(place, 2 * i);
  });
  return { keys: [...places.keys()].map((shard) => route.keys[shard]!), index };
}

interface Shelf {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly holding: Holding;
}

function stateAndPieces({ keys, holding: { shard } }: Shelf): [string, string] {
  return [keys.shard(shard.mapping, shard.shardId), keys.staged(shard.mapping, shard.shardId)];
}

/** @throws FencedError; the error of a Redis that is full */
export async function stageOutputs(shelf: Shelf, stage: string, pieces: readonly Buffer[]): Promise<void> {
  const { epoch, nonce } = shelf.holding;
  for (const [i, piece] of pieces.entries()) {
    const reply = await stageScript.run(shelf.redis, stateAndPieces(shelf), [epoch, nonce, stage, i, piece]);
    const [kind, stored] = reply as string[];
    if (kind === 'unmoved') throw new Error('outputs that were staged before are not moved yet');
    if (kind !== 'ok') throw fencedBy(shelf.holding, stored ?? '');
  }
}

/** Drops what was staged and never became official. */
export async function unstageOutputs(shelf: Shelf): Promise<void> {
  const { epoch, nonce } = shelf.holding;
  const [kind, stored] = (await unstageScript.run(shelf.redis, stateAndPieces(shelf), [epoch, nonce])) as string[];
  if (kind !== 'ok') throw fencedBy(shelf.holding, stored ?? '');
}

export type Moved =
  | { readonly kind: 'ok'; readonly left: number }
  | { readonly kind: 'stale' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Moves the first of `left` official pieces. @throws FencedError */
export async function moveOutputs(shelf: Shelf, left: number, route: OutputRoute): Promise<Moved> {
  const { epoch, nonce } = shelf.holding;
  const [state, pieces] = stateAndPieces(shelf);
  const packed = await shelf.redis.lindexBuffer(pieces, 0);
  const { keys, index } = address(route, packed ? partitionKeysIn(packed) : []);
  const args = [epoch, nonce, left, route.revision, index];
  const reply = await moveScript.run(shelf.redis, [state, pieces, route.topologyKey, ...keys], args);
  const [kind, detail] = reply as string[];
  if (kind === 'ok') return { kind, left: Number(detail) };
  if (kind === 'stale') return { kind };
  if (kind === 'refused') return { kind, reason: detail! };
  throw fencedBy(shelf.holding, detail ?? '');
}
