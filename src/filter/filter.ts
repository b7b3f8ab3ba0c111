/** The filters of a mapping, made once: which records of a batch the function is to see. One matching filter is enough. */
import { isLeaf, type Leaf, NOT_KEPT, NOT_TEXT, type PartText, type Pattern, type RecordView } from '../pattern.ts';
import { valueMatch } from './value-match.ts';

export type RecordFilter<B> = (batch: B, i: number) => boolean;

export function recordFilter<B>(patterns: readonly Pattern[], view: RecordView<B>): RecordFilter<B> {
  return view.kind === 'documents' ? ofDocuments(patterns, view) : ofMembers(patterns, view);
}

function ofDocuments<B>(
  patterns: readonly Pattern[],
  { documents }: Extract<RecordView<B>, { kind: 'documents' }>,
): RecordFilter<B> {
  const filters = patterns.map(valueMatch);
  return (batch, i) => {
    const found = documents(batch, i);
    // Nobody can say whether it would match: it fails as too large, and is not lost.
    if (found === NOT_KEPT) return true;
    return found.some((document) => filters.some((filter) => filter(document)));
  };
}

/** A name of the record and what is known of it for the record at hand. */
interface Slot {
  readonly name: string;
  readonly isPart: boolean;
  known: boolean;
  value: unknown;
}

function ofMembers<B>(
  patterns: readonly Pattern[],
  view: Extract<RecordView<B>, { kind: 'members' }>,
): RecordFilter<B> {
  const slots = new Map<string, Slot>();
  const at: { batch: B; i: number } = { batch: undefined as B, i: 0 };
  const partOf = view.unreadable === 'drops' ? jsonOrNothing : jsonOrText;
  const read = (slot: Slot): unknown => {
    if (slot.known) return slot.value;
    slot.known = true;
    slot.value = slot.isPart ? partOf(view.part(at.batch, at.i, slot.name)) : view.member(at.batch, at.i, slot.name);
    return slot.value;
  };
  const filters = patterns.map((pattern) => topMatch(pattern));
  const list = [...slots.values()];
  return (batch, i) => {
    at.batch = batch;
    at.i = i;
    for (const slot of list) slot.known = false;
    for (const filter of filters) if (filter()) return true;
    return false;
  };

  function topMatch(pattern: Pattern): () => boolean {
    const fields = pattern.fields.map(([name, node]) => slotMatch(name, node));
    const either = pattern.either.map((choice) => {
      const choices = choice.map(topMatch);
      return () => choices.some((one) => one());
    });
    const all = [...fields, ...either];
    return all.length === 1 ? all[0]! : () => all.every((one) => one());
  }

  function slotMatch(name: string, node: Pattern | Leaf): () => boolean {
    const slot = slots.get(name) ?? { name, isPart: view.parts.includes(name), known: false, value: undefined };
    slots.set(name, slot);
    const match = valueMatch(node);
    if (!slot.isPart) {
      return () => {
        const value = read(slot);
        return value === NOT_KEPT || match(value);
      };
    }
    // A list of values is for text, an object of fields for JSON; the other kind of data is not what the pattern is for.
    const otherKind = isLeaf(node) ? isContainer : isText;
    const whenUnreadable = view.unreadable === 'ignored';
    return () => {
      const value = read(slot);
      if (typeof value === 'symbol') return value === NOT_KEPT || whenUnreadable;
      return whenUnreadable && otherKind(value) ? true : match(value);
    };
  }
}

/** Data that has to be JSON. */
function jsonOrNothing(part: PartText): unknown {
  if (part === null) return NOT_TEXT;
  if (typeof part === 'symbol') return part;
  return jsonOf(part) ?? NOT_TEXT;
}

/** Data that is an object or a list in JSON, or else text. */
function jsonOrText(part: PartText): unknown {
  if (part === null || typeof part === 'symbol' || !/^\s*[{[]/.test(part)) return part;
  return jsonOf(part) ?? part;
}

/** Undefined: it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // what that means the event format says
  }
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
