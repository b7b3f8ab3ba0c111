/** What the model of Redis answers. */
export type Reply = string | number | null | Status | ReplyError | Reply[];

/** A status such as OK: Lua tells it from a text. */
export class Status {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export class ReplyError extends Error {}

/** As a client gives it to its caller. */
export type Value = string | number | null | Value[];

/** @throws ReplyError */
export function valueOf(reply: Reply): Value {
  if (reply instanceof ReplyError) throw reply;
  if (reply instanceof Status) return reply.text;
  return Array.isArray(reply) ? reply.map(valueOf) : reply;
}
