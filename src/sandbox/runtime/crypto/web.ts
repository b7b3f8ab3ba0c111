/** globalThis.crypto. */
import { DOMException } from '../dom-exception.ts';
import { fillRandom, randomUUID } from './random.ts';
import { subtle } from './subtle.ts';

const RANDOM_BYTES_MAX = 65_536;

export const webcrypto = {
  subtle,
  randomUUID,
  getRandomValues<T>(target: T): T {
    const integers =
      ArrayBuffer.isView(target) &&
      !/^Float|^DataView/.test((target as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag]);
    if (!integers) throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    if (target.byteLength > RANDOM_BYTES_MAX) {
      throw new DOMException(`The requested length exceeds ${RANDOM_BYTES_MAX} bytes`, 'QuotaExceededError');
    }
    fillRandom(new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
    return target;
  },
};
