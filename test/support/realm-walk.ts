/**
 * Text of a function `walk(roots)`, evaluated in the realm that it looks at: goes from the roots along every property, getter, prototype and
 * constructor there is, and answers what it saw. `foreign`: objects that do not come from this realm; `native`: where functions are
 * that are no JavaScript.
 */
export const WALK = `
function walk(roots) {
  const { getPrototypeOf, ownKeys, getOwnPropertyDescriptor, apply } = Reflect;
  const functionPrototype = Function.prototype;
  const objectPrototype = Object.prototype;
  const { hasOwnProperty } = objectPrototype;
  const source = Function.prototype.toString;
  const seen = new Set();
  const queue = [];
  const foreign = [];
  const native = [];
  const add = (value, path) => {
    if (((typeof value !== 'object' || value === null) && typeof value !== 'function') || seen.has(value)) return;
    seen.add(value);
    queue.push([value, path]);
  };
  for (const [path, value] of roots) add(value, path);
  while (queue.length > 0) {
    const [value, path] = queue.shift();
    let root = value;
    try {
      for (let up = getPrototypeOf(value); up !== null; up = getPrototypeOf(up)) root = up;
    } catch (error) {
      add(error, path + ' threw');
    }
    if (root !== objectPrototype && ownKeys(root).includes('hasOwnProperty') && root.hasOwnProperty !== hasOwnProperty) foreign.push(path);
    if (typeof value === 'function') {
      if (value !== functionPrototype && !functionPrototype.isPrototypeOf(value)) foreign.push(path);
      if (/\\{ \\[native code\\] \\}$/.test(apply(source, value, []))) native.push(path);
      try {
        add(value.constructor, path + '.constructor');
      } catch (error) {
        add(error, path + ' threw');
      }
    }
    add(getPrototypeOf(value), path + '.__proto__');
    for (const key of ownKeys(value)) {
      const at = path + '.' + String(key);
      const property = getOwnPropertyDescriptor(value, key);
      if (property === undefined) continue;
      if ('value' in property) add(property.value, at);
      else {
        add(property.get, 'get ' + at);
        add(property.set, 'set ' + at);
        try {
          const got = property.get === undefined ? undefined : apply(property.get, value, []);
          add(got, at);
          // Some getters answer a stranger with a promise that rejects, which would end the invocation.
          if (got instanceof Promise) got.catch(() => undefined);
        } catch (error) {
          add(error, at + ' threw');
        }
      }
    }
  }
  return { seen: seen.size, foreign, native };
}`;
