/** A class that old code may call without `new`, as it can those of Node. */

export function callable<C extends new (...args: never[]) => object>(Class: C, name: string): C {
  const Callable = function (...args: unknown[]): object {
    return Reflect.construct(Class, args, new.target ?? Callable) as object;
  } as unknown as C;
  Object.defineProperty(Callable, 'name', { value: name, configurable: true });
  const prototype = Object.create(Class.prototype as object, {
    constructor: { value: Callable, writable: true, configurable: true },
  }) as object;
  Object.defineProperty(Callable, 'prototype', { value: prototype });
  return Object.setPrototypeOf(Callable, Class) as C;
}
