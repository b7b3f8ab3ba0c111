/**
 * A resumable RESP2 scanner over one growing buffer: it notes where every item of a reply lies and makes no object per item.
 * What is complete is known by a flat count of outstanding items: an array header of n items owes n more.
 *
 * Payloads that no batch can use are dropped on arrival (see `keep`), so that a reply's memory is bounded whatever it holds.
 */
import { EVENT_BYTES_MAX, READ_AHEAD_BYTES, READ_REPLY_BYTES_MAX } from '../limits.ts';

/**
 * Two numbers per item, at [2t] and [2t+1]:
 * text (bulk, simple, integer): start, length ≥ 0 · nil: start, -1 · error: start, -2 - length · array: -1 - n, 0 ·
 * a bulk whose payload was dropped: DROPPED, length.
 */
export type ReplyItems = Int32Array;

export const DROPPED = -0x80000000;

export interface Reply {
  readonly buffer: Buffer;
  readonly items: ReplyItems;
}

/** The connection speaks no RESP2, or one reply is beyond every bound: the stream of bytes cannot be used any further. */
export class ReplyError extends Error {}

/** Beyond every bound, although large payloads are dropped: many small items. */
export class ReplyTooLarge extends ReplyError {}

const CR = 13;
/** Ids and short names are always kept: they are what makes a dropped record nameable. */
const ALWAYS_KEPT_BYTES = 64;
const ITEMS_MAX = READ_REPLY_BYTES_MAX / 8;

export class ReplyScanner {
  #buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #size = 0;
  #pos = 0;
  #items = new Int32Array(1024);
  #used = 0;
  #outstanding = 0;
  /** Bytes still to come of a payload that is being dropped. */
  #dropping = 0;
  #expectedBytes = 16 * 1024;

  /** Starts the next reply, of this many items at the top level. */
  begin(topItems: number): void {
    this.#outstanding = topItems;
    this.#used = 0;
  }

  push(chunk: Buffer): void {
    let from = 0;
    if (this.#dropping > 0) {
      from = Math.min(this.#dropping, chunk.length);
      this.#dropping -= from;
    }
    const more = chunk.length - from;
    this.#reserve(this.#size + more);
    chunk.copy(this.#buffer, this.#size, from);
    this.#size += more;
  }

  get unread(): number {
    return this.#size - this.#pos;
  }

  /** The reply, once it is complete; its buffer belongs to the caller. */
  next(): Reply | undefined {
    this.#scan();
    if (this.#outstanding > 0 || this.#dropping > 0) return undefined;
    const end = this.#pos;
    const items = this.#items.subarray(0, this.#used * 2);
    const buffer = this.#takeBytes(end);
    this.#items = new Int32Array(Math.max(64, this.#used * 2 + 64));
    this.#used = 0;
    return { buffer, items };
  }

  /** The first `end` bytes; what lies behind them begins the next reply. */
  #takeBytes(end: number): Buffer {
    const whole = this.#buffer;
    const rest = this.#size - end;
    // The next reply is likely as large as this one; a slow decay forgets an exceptional one.
    this.#expectedBytes = Math.max(end + (end >> 4) + 1024, (this.#expectedBytes * 7) >> 3);
    this.#size = rest;
    this.#pos = 0;
    // A small reply is copied out, so that whoever keeps it does not keep a large buffer; a large one takes the buffer with it.
    const small = end * 4 < whole.length;
    if (!small || this.#expectedBytes * 4 < whole.length) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#expectedBytes, rest));
      whole.copy(this.#buffer, 0, end, end + rest);
    }
    if (!small) return whole.subarray(0, end);
    const bytes = Buffer.allocUnsafeSlow(end);
    whole.copy(bytes, 0, 0, end);
    if (this.#buffer === whole) whole.copyWithin(0, end, end + rest);
    return bytes;
  }

  #scan(): void {
    while (this.#outstanding > 0 && this.#dropping === 0 && this.#pos < this.#size) {
      const type = this.#buffer[this.#pos]!;
      if (type === 36 /* $ */) {
        if (!this.#scanBulks()) return;
      } else if (!this.#scanLine(type)) return;
    }
  }

  /** The hot loop: bulk strings and arrays one after the other. False when the next item is not complete yet. */
  #scanBulks(): boolean {
    const buffer = this.#buffer;
    const size = this.#size;
    let pos = this.#pos;
    let used = this.#used;
    let outstanding = this.#outstanding;
    let complete = true;
    if ((used + outstanding) * 2 > this.#items.length) this.#growItems(used + outstanding);
    let items = this.#items;
    while (outstanding > 0 && pos < size) {
      const type = buffer[pos]!;
      if (type !== 36 && type !== 42) break;
      let i = pos + 1;
      let n = 0;
      let digit = 0;
      while (i < size && (digit = (buffer[i]! - 48) >>> 0) <= 9) {
        n = n * 10 + digit;
        i++;
      }
      // Anything unusual (nil, an incomplete or broken header) is left to the careful path.
      if (i + 2 > size || buffer[i] !== CR || i === pos + 1) {
        complete = i + 2 <= size;
        break;
      }
      i += 2;
      if (used * 2 + 2 > items.length) {
        this.#growItems(used + outstanding);
        items = this.#items;
      }
      if (type === 42) {
        items[used * 2] = -1 - n;
        items[used * 2 + 1] = 0;
        outstanding += n - 1;
        pos = i;
        if (used + outstanding > ITEMS_MAX) throw new ReplyTooLarge(`a reply of more than ${ITEMS_MAX} items`);
      } else {
        if (n > ALWAYS_KEPT_BYTES && (n > EVENT_BYTES_MAX || i > READ_AHEAD_BYTES)) {
          items[used * 2] = DROPPED;
          items[used * 2 + 1] = n;
          this.#used = used + 1;
          this.#outstanding = outstanding - 1;
          this.#drop(i, n + 2);
          return true;
        }
        if (i + n + 2 > size) {
          this.#reserve(i + n + 2);
          complete = false;
          break;
        }
        items[used * 2] = i;
        items[used * 2 + 1] = n;
        outstanding--;
        pos = i + n + 2;
      }
      used++;
    }
    if (pos === this.#pos && complete && outstanding > 0 && pos < size && buffer[pos] === 36) {
      return this.#scanLine(36);
    }
    this.#pos = pos;
    this.#used = used;
    this.#outstanding = outstanding;
    return complete;
  }

  /** Any item that is one line: simple strings, integers, errors, array headers, nil. */
  #scanLine(type: number): boolean {
    const end = this.#buffer.indexOf(CR, this.#pos + 1);
    if (end < 0 || end + 2 > this.#size) return false;
    const start = this.#pos + 1;
    const nil = this.#buffer[start] === 45; /* - */
    let a = start;
    let b = end - start;
    if (type === 45 /* - */) b = -2 - b;
    else if (type === 42 /* * */ || type === 36 /* $ */) {
      const n = Number(this.#buffer.toString('latin1', start, end));
      if (!Number.isInteger(n) || (type === 36 && !nil)) throw new ReplyError('a reply that is not RESP2');
      if (nil) b = -1;
      else {
        a = -1 - n;
        b = 0;
        this.#outstanding += n;
      }
    } else if (type !== 43 /* + */ && type !== 58 /* : */) throw new ReplyError('a reply that is not RESP2');
    if (this.#used * 2 + 2 > this.#items.length) this.#growItems(this.#used + 1);
    this.#items[this.#used * 2] = a;
    this.#items[this.#used * 2 + 1] = b;
    this.#used++;
    this.#outstanding--;
    this.#pos = end + 2;
    return true;
  }

  /** Takes `length` bytes out of the buffer from `at` on, and out of what is still to come. */
  #drop(at: number, length: number): void {
    const here = Math.min(length, this.#size - at);
    this.#buffer.copyWithin(at, at + here, this.#size);
    this.#size -= here;
    this.#dropping = length - here;
    this.#pos = at;
  }

  #growItems(atLeast: number): void {
    const grown = new Int32Array(Math.max(atLeast * 2 + 2, Math.min(this.#items.length * 2, ITEMS_MAX * 2)));
    grown.set(this.#items);
    this.#items = grown;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    if (bytes > READ_REPLY_BYTES_MAX) throw new ReplyTooLarge(`a reply of more than ${READ_REPLY_BYTES_MAX} bytes`);
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(bytes, this.#buffer.length * 2), READ_REPLY_BYTES_MAX));
    this.#buffer.copy(grown, 0, 0, this.#size);
    this.#buffer = grown;
  }
}
