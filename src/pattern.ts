/**
 * Filter patterns after they were read, and what a filter asks of a record (esm-semantics.md §1.12). mapping/ reads patterns and reports
 * what is wrong with them, filter/ makes functions of them, event/ answers what they ask.
 */

export interface Pattern {
  /** All of them must match. Dotted names are taken apart: `a.b` is `b` within `a`. */
  readonly fields: readonly (readonly [name: string, node: Pattern | Leaf])[];
  /** Of each list one at least must match. */
  readonly either: readonly (readonly Pattern[])[];
}

/** One of the tests must hold for one of the values. */
export interface Leaf {
  readonly tests: readonly LeafTest[];
}

export type LeafTest = ScalarTest | { readonly op: 'exists'; readonly present: boolean };

export type ScalarTest =
  | { readonly op: 'equals'; readonly value: string | number | boolean | null }
  | { readonly op: 'equals-ignore-case'; readonly text: string }
  | { readonly op: 'prefix' | 'suffix'; readonly text: string; readonly ignoreCase: boolean }
  | { readonly op: 'numeric'; readonly bounds: readonly NumberBound[] }
  | { readonly op: 'cidr'; readonly block: AddressBlock }
  /** The literal parts between the stars; one part: no star. */
  | { readonly op: 'wildcard'; readonly parts: readonly string[] }
  | { readonly op: 'anything-but'; readonly none: readonly ScalarTest[] };

export interface NumberBound {
  readonly compare: '=' | '<' | '<=' | '>' | '>=';
  readonly value: number;
}

export interface AddressBlock {
  readonly family: 4 | 6;
  readonly address: string;
  readonly bits: number;
}

export function isLeaf(node: Pattern | Leaf): node is Leaf {
  return 'tests' in node;
}

/** A part of a record that is no UTF-8 text. */
export const NOT_TEXT = Symbol('not text');
/** A part of a record that was not kept, because no event could hold it. */
export const NOT_KEPT = Symbol('not kept');
/** Null: the record has no such part (a Kafka tombstone, a null key). */
export type PartText = string | null | typeof NOT_TEXT | typeof NOT_KEPT;

/** How patterns see the records of a batch `B`; `i` is the record's place in it. */
export type RecordView<B> =
  | {
      /** The first names of a pattern are these parts, read as JSON, or members of what surrounds them in the event. */
      readonly kind: 'members';
      readonly parts: readonly string[];
      /** What is said of a part that cannot be read so: the record does not match, or only the other conditions count. */
      readonly unreadable: 'drops' | 'ignored';
      readonly part: (batch: B, i: number, name: string) => PartText;
      readonly member: (batch: B, i: number, name: string) => unknown;
    }
  | {
      /** A pattern is matched with each of these as a whole; none: the data is not of the format. */
      readonly kind: 'documents';
      readonly documents: (batch: B, i: number) => readonly unknown[] | typeof NOT_KEPT;
    };
