/** In a process that only simulates, what the engine draws at random comes from the seed: Math.random and randomUUID. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Random } from '../chaos/lab/random.ts';

let drawn = new Random(0);

export function seedChance(seed: number): void {
  drawn = new Random(seed ^ 0x5bd1e995);
}

const hex = (digits: number): string =>
  Math.floor(drawn.next() * 16 ** digits)
    .toString(16)
    .padStart(digits, '0');

Math.random = () => drawn.next();
crypto.randomUUID = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
syncBuiltinESMExports();
