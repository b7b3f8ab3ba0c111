/**
 * Memory of this process for the bodies of responses: reserved before a body is read, given back when the child has it. Who finds none waits,
 * and its server with it. Bounded per invocation, per function (so that others find some) and in all.
 */
import { EGRESS_ROOM_BYTES, EGRESS_ROOM_PER_FUNCTION_BYTES, EGRESS_ROOM_PER_INVOCATION_BYTES } from '../../limits.ts';

interface Waiter {
  readonly owners: readonly [invocation: object, name: string];
  readonly bytes: number;
  readonly give: () => void;
}

export class Room {
  #taken = 0;
  readonly #byFunction = new Map<string, number>();
  readonly #byInvocation = new Map<object, number>();
  /** First come, first served. */
  #waiters: Waiter[] = [];

  get takenBytes(): number {
    return this.#taken;
  }

  /**
   * At once, or a promise. Answers what gives the room back (once, however often it is called); null when `signal` was aborted first.
   */
  take(
    invocation: object,
    name: string,
    bytes: number,
    signal: AbortSignal,
  ): (() => void) | Promise<(() => void) | null> {
    const owners = [invocation, name] as const;
    if (this.#waiters.length === 0 && this.#fits(owners, bytes) === 'yes') return this.#grant(owners, bytes);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        owners,
        bytes,
        give: () => {
          signal.removeEventListener('abort', aborted);
          resolve(this.#grant(owners, bytes));
        },
      };
      const aborted = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve(null);
        this.#serve();
      };
      if (signal.aborted) return resolve(null);
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiters.push(waiter);
      this.#serve();
    });
  }

  #grant(owners: Waiter['owners'], bytes: number): () => void {
    this.#add(owners, bytes);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#add(owners, -bytes);
      this.#serve();
    };
  }

  #add([invocation, name]: Waiter['owners'], bytes: number): void {
    this.#taken += bytes;
    add(this.#byFunction, name, bytes);
    add(this.#byInvocation, invocation, bytes);
  }

  /** `own`: at its own bound, and no reason for others to wait behind it. */
  #fits([invocation, name]: Waiter['owners'], bytes: number): 'yes' | 'own' | 'no' {
    const ofInvocation = this.#byInvocation.get(invocation) ?? 0;
    const ofFunction = this.#byFunction.get(name) ?? 0;
    if (ofInvocation > 0 && ofInvocation + bytes > EGRESS_ROOM_PER_INVOCATION_BYTES) return 'own';
    if (ofFunction > 0 && ofFunction + bytes > EGRESS_ROOM_PER_FUNCTION_BYTES) return 'own';
    return this.#taken > 0 && this.#taken + bytes > EGRESS_ROOM_BYTES ? 'no' : 'yes';
  }

  #serve(): void {
    for (const waiter of [...this.#waiters]) {
      const fits = this.#fits(waiter.owners, waiter.bytes);
      if (fits === 'no') return;
      if (fits === 'own') continue;
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.give();
    }
  }
}

function add<K>(sums: Map<K, number>, key: K, bytes: number): void {
  const sum = (sums.get(key) ?? 0) + bytes;
  if (sum > 0) sums.set(key, sum);
  else sums.delete(key);
}
