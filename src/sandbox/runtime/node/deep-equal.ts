/** Deep equality as node:assert has it, strict or loose. */

const tagOf = (value: object) => Object.prototype.toString.call(value);

export function deepEqual(a: unknown, b: unknown, strict: boolean): boolean {
  return compare(a, b, strict, []);
}

function compare(a: unknown, b: unknown, strict: boolean, seen: [unknown, unknown][]): boolean {
  if (strict ? Object.is(a, b) : a === b || (a !== a && b !== b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    if (strict || typeof a === 'object' || typeof b === 'object') return false;
    return a == b;
  }
  if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (tagOf(a) !== tagOf(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  if (seen.some(([x, y]) => x === a && y === b)) return true;
  const deeper: [unknown, unknown][] = [...seen, [a, b]];
  return sameSpecial(a, b, strict, deeper) && sameMembers(a, b, strict, deeper);
}

function sameSpecial(a: object, b: object, strict: boolean, seen: [unknown, unknown][]): boolean {
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof RegExp) return String(a) === String(b) && a.lastIndex === (b as RegExp).lastIndex;
  if (a instanceof Error) return a.message === (b as Error).message && a.name === (b as Error).name;
  if (a instanceof Map && b instanceof Map) return a.size === b.size && sameMap(a, b, strict, seen);
  if (a instanceof Set && b instanceof Set) return a.size === b.size && sameSet(a, b, strict, seen);
  if (a instanceof ArrayBuffer) return compare(new Uint8Array(a), new Uint8Array(b as ArrayBuffer), strict, seen);
  if (
    a instanceof Number ||
    a instanceof String ||
    a instanceof Boolean ||
    a instanceof BigInt ||
    a instanceof Symbol
  ) {
    return Object.is(a.valueOf(), (b as typeof a).valueOf());
  }
  return true;
}

function sameMap(
  a: Map<unknown, unknown>,
  b: Map<unknown, unknown>,
  strict: boolean,
  seen: [unknown, unknown][],
): boolean {
  for (const [key, value] of a) {
    if (b.has(key) ? compare(value, b.get(key), strict, seen) : false) continue;
    const other = [...b].some(
      ([k, v]) => typeof k === 'object' && compare(key, k, strict, seen) && compare(value, v, strict, seen),
    );
    if (!other) return false;
  }
  return true;
}

function sameSet(a: Set<unknown>, b: Set<unknown>, strict: boolean, seen: [unknown, unknown][]): boolean {
  for (const item of a) {
    if (!b.has(item) && ![...b].some((other) => typeof other === 'object' && compare(item, other, strict, seen)))
      return false;
  }
  return true;
}

function sameMembers(a: object, b: object, strict: boolean, seen: [unknown, unknown][]): boolean {
  const keysOf = (value: object): (string | symbol)[] =>
    Reflect.ownKeys(value).filter(
      (key) => (strict || typeof key === 'string') && Object.prototype.propertyIsEnumerable.call(value, key),
    );
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every((key) => {
    if (!Object.prototype.propertyIsEnumerable.call(b, key)) return false;
    return compare((a as Record<PropertyKey, unknown>)[key], (b as Record<PropertyKey, unknown>)[key], strict, seen);
  });
}
