/** Types for handlers: `import type { WithMillrace } from 'millrace'`. There is no code to import; events and the rest of the context are those of `@types/aws-lambda`. */

export interface MillraceFacts {
  readonly mapping: string;
  readonly shardId: string;
  /** Decimal, 16 digits; rises whenever the shard changes hands. */
  readonly epoch: string;
  /** Deliveries of this unit, from 1. */
  readonly attempt: number;
  readonly firstSequenceNumber: string;
  readonly lastSequenceNumber: string;
}

/** A context as a mapping hands it over. */
export type WithMillrace<Context = unknown> = Context & { readonly millrace: MillraceFacts };
