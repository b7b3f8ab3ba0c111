/** util.inspect and util.format, as Node prints, for what people log: depth 2, 72 columns, 100 items, circular references. */
import { isArray, ownKeys } from '../host.ts';

export interface InspectOptions {
  depth?: number | null;
  breakLength?: number;
  maxArrayLength?: number | null;
  maxStringLength?: number | null;
  showHidden?: boolean;
  compact?: boolean | number;
  sorted?: boolean;
}

interface Ctx {
  readonly depth: number;
  readonly breakLength: number;
  readonly itemsMax: number;
  readonly stringMax: number;
  readonly hidden: boolean;
  readonly sorted: boolean;
  readonly path: object[];
  readonly circular: Map<object, number>;
  readonly options: InspectOptions;
}

export const customInspect = Symbol.for('nodejs.util.inspect.custom');
const IDENTIFIER = /^[a-zA-Z_$][\w$]*$/;
const COLUMNS = 72;

function quote(text: string): string {
  const mark = !text.includes("'")
    ? "'"
    : !text.includes('"')
      ? '"'
      : !text.includes('`') && !text.includes('${')
        ? '`'
        : "'";
  const escaped = text.replace(/[\0-\x1f\x7f-\x9f\\]/g, (char) => {
    const short = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\b': '\\b', '\f': '\\f', '\v': '\\v', '\\': '\\\\' }[char];
    return short ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  });
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function primitive(value: unknown, ctx: Ctx, inside: boolean): string {
  switch (typeof value) {
    case 'string': {
      const cut = value.length > ctx.stringMax;
      const text = quote(cut ? value.slice(0, ctx.stringMax) : value);
      const rest = value.length - ctx.stringMax;
      return cut ? `${text}... ${rest} more character${rest === 1 ? '' : 's'}` : inside ? text : text;
    }
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    default:
      return String(value);
  }
}

function nameOfClass(value: object): string | null {
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, 'constructor');
    if (own !== undefined && typeof own.value === 'function' && (own.value as { name: string }).name !== '')
      return (own.value as { name: string }).name;
  }
  return null;
}

function keyText(key: string | symbol, enumerable: boolean): string {
  const text = typeof key === 'symbol' ? String(key) : IDENTIFIER.test(key) ? key : quote(key);
  return enumerable || typeof key === 'symbol' ? text : `[${text}]`;
}

function property(value: object, key: string | symbol, ctx: Ctx, level: number): string {
  const own = Object.getOwnPropertyDescriptor(value, key);
  const name = keyText(key, own?.enumerable !== false);
  if (own !== undefined && (own.get !== undefined || own.set !== undefined)) {
    return `${name}: [${own.get === undefined ? 'Setter' : own.set === undefined ? 'Getter' : 'Getter/Setter'}]`;
  }
  return `${name}: ${show(own?.value, ctx, level)}`;
}

function keysOf(value: object, ctx: Ctx, skipIndexes: boolean): (string | symbol)[] {
  const keys = ownKeys(value).filter((key) => {
    if (skipIndexes && typeof key === 'string' && (/^\d+$/.test(key) || key === 'length')) return false;
    return ctx.hidden || Object.prototype.propertyIsEnumerable.call(value, key);
  });
  return ctx.sorted ? keys.sort((a, b) => (String(a) < String(b) ? -1 : 1)) : keys;
}

interface Shape {
  readonly prefix: string;
  readonly open: string;
  readonly close: string;
  readonly items: string[];
}

function more(count: number): string {
  return `... ${count} more item${count === 1 ? '' : 's'}`;
}

function listItems(list: ArrayLike<unknown>, ctx: Ctx, level: number): string[] {
  const items: string[] = [];
  let empty = 0;
  const flush = () => {
    if (empty > 0) items.push(`<${empty} empty item${empty === 1 ? '' : 's'}>`);
    empty = 0;
  };
  for (let i = 0; i < list.length; i++) {
    if (items.length >= ctx.itemsMax) {
      items.push(more(list.length - i));
      return items;
    }
    if (i in list) {
      flush();
      items.push(show(list[i], ctx, level));
    } else if (++empty === list.length - i && empty > 1e6) break;
  }
  flush();
  return items;
}

function shapeOf(value: object, ctx: Ctx, level: number): Shape | string {
  const name = nameOfClass(value);
  const tag = name ?? '[Object: null prototype]';
  const members = (skipIndexes = false) =>
    keysOf(value, ctx, skipIndexes).map((key) => property(value, key, ctx, level));
  if (isArray(value)) {
    const items = [...listItems(value, ctx, level), ...members(true)];
    return { prefix: name === 'Array' ? '' : `${tag}(${value.length}) `, open: '[', close: ']', items };
  }
  if (value instanceof Map) {
    const entries = Array.from(
      value.entries(),
      ([key, item]) => `${show(key, ctx, level)} => ${show(item, ctx, level)}`,
    );
    return { prefix: `${tag}(${value.size}) `, open: '{', close: '}', items: [...entries, ...members()] };
  }
  if (value instanceof Set) {
    const items = Array.from(value.values(), (item) => show(item, ctx, level));
    return { prefix: `${tag}(${value.size}) `, open: '{', close: '}', items: [...items, ...members()] };
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as unknown as ArrayLike<unknown>;
    return {
      prefix: `${tag}(${list.length}) `,
      open: '[',
      close: ']',
      items: [...listItems(list, ctx, level), ...members(true)],
    };
  }
  const single = singular(value, name);
  if (single !== null) {
    const items = members(typeof value.valueOf() === 'string');
    return items.length === 0 ? single : { prefix: `${single} `, open: '{', close: '}', items };
  }
  const label = Object.prototype.toString.call(value).slice(8, -1);
  const tagged = label !== 'Object' && label !== name ? `${tag} [${label}] ` : name === 'Object' ? '' : `${tag} `;
  return { prefix: tagged, open: '{', close: '}', items: members() };
}

function singular(value: object, name: string | null): string | null {
  if (typeof value === 'function') {
    const isClass = /^class\b/.test(Function.prototype.toString.call(value));
    const own = (value as { name?: unknown }).name;
    const parent = Object.getPrototypeOf(value) as { name?: string } | null;
    const extending = isClass && parent?.name ? ` extends ${parent.name}` : '';
    return isClass
      ? `[class ${String(own || '(anonymous)')}${extending}]`
      : `[${name ?? 'Function'}${own ? `: ${String(own)}` : ' (anonymous)'}]`;
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return RegExp.prototype.toString.call(value);
  if (value instanceof Error) return errorText(value);
  if (value instanceof Promise) return 'Promise { <unknown> }';
  if (value instanceof WeakMap || value instanceof WeakSet) return `${name} { <items unknown> }`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
  for (const Class of [Number, String, Boolean, Symbol, BigInt]) {
    if (value instanceof Class)
      return `[${Class.name}: ${typeof value.valueOf() === 'string' ? quote(String(value)) : String(value.valueOf() as unknown)}]`;
  }
  return null;
}

function errorText(error: Error): string {
  const { stack } = error;
  return typeof stack === 'string' && stack !== '' ? stack : `[${Error.prototype.toString.call(error)}]`;
}

function errorExtras(error: Error, ctx: Ctx, level: number): string[] {
  const items: string[] = [];
  for (const key of ['cause', 'errors']) {
    const own = Object.getOwnPropertyDescriptor(error, key);
    if (own !== undefined && own.enumerable !== true) items.push(`[${key}]: ${show(own.value, ctx, level)}`);
  }
  return items;
}

function show(value: unknown, ctx: Ctx, level: number): string {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function')
    return primitive(value, ctx, level > 0);
  if (ctx.path.includes(value)) {
    if (!ctx.circular.has(value)) ctx.circular.set(value, ctx.circular.size + 1);
    return `[Circular *${ctx.circular.get(value)!}]`;
  }
  const custom = (value as Record<symbol, unknown>)[customInspect];
  if (typeof custom === 'function' && custom !== inspect) {
    const made = custom.call(
      value,
      ctx.depth - level,
      { ...ctx.options, depth: ctx.depth - level },
      inspect,
    ) as unknown;
    if (made !== value)
      return typeof made === 'string' ? made.replaceAll('\n', `\n${'  '.repeat(level)}`) : show(made, ctx, level);
  }
  if (level > ctx.depth && singular(value, '') === null) {
    return isArray(value) ? '[Array]' : `[${nameOfClass(value) ?? 'Object: null prototype'}]`;
  }
  ctx.path.push(value);
  let shape = shapeOf(value, ctx, level + 1);
  if (value instanceof Error) {
    const extras = errorExtras(value, ctx, level + 1);
    if (extras.length > 0)
      shape =
        typeof shape === 'string'
          ? { prefix: `${shape} `, open: '{', close: '}', items: extras }
          : { ...shape, items: [...shape.items, ...extras] };
  }
  ctx.path.pop();
  const mark = ctx.circular.has(value) ? `<ref *${ctx.circular.get(value)!}> ` : '';
  return mark + (typeof shape === 'string' ? shape : layOut(shape, ctx, level));
}

function layOut({ prefix, open, close, items }: Shape, ctx: Ctx, level: number): string {
  if (items.length === 0) return `${prefix}${open}${close}`;
  const indent = '  '.repeat(level);
  const total = items.reduce((sum, item) => sum + item.length + 2, prefix.length);
  const short =
    total + level * 2 <= Math.min(COLUMNS, ctx.breakLength) + 4 && !items.some((item) => item.includes('\n'));
  if (short && (open === '{' || items.length <= 6)) return `${prefix}${open} ${items.join(', ')} ${close}`;
  if (ctx.breakLength === Infinity) return `${prefix}${open} ${items.join(', ')} ${close}`;
  const lines = open === '[' && items.length > 6 ? grouped(items) : items;
  return `${prefix}${open}\n${indent}  ${lines.join(`,\n${indent}  `)}\n${indent}${close}`;
}

/** Short items of a long list share lines, in columns, numbers to the right. */
function grouped(items: string[]): string[] {
  const rest = items.at(-1)!.startsWith('... ') ? items.slice(-1) : [];
  const cells = rest.length > 0 ? items.slice(0, -1) : items;
  const widest = Math.max(...cells.map((cell) => cell.length)) + 2;
  if (
    widest * 3 >= 80 ||
    (cells.reduce((sum, cell) => sum + cell.length + 2, 0) / widest <= 5 && widest > 8) ||
    cells.some((cell) => cell.includes('\n'))
  )
    return items;
  // Node's own measure: about a square, of characters 2.5 times as high as wide.
  const total = cells.reduce((sum, cell) => sum + cell.length + 2, 0);
  const biased = Math.max(widest - 3 - Math.sqrt(widest - total / items.length), 1);
  const columns = Math.min(Math.round(Math.sqrt(2.5 * biased * cells.length) / biased), Math.floor(80 / widest), 12);
  if (columns <= 1) return items;
  const widths = Array.from({ length: columns }, (_, column) => {
    let width = 0;
    for (let i = column; i < cells.length; i += columns) width = Math.max(width, cells[i]!.length);
    return width;
  });
  const numeric = cells.every((cell) => /^-?[\d.en+-]+$/.test(cell));
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += columns) {
    const row = cells.slice(i, i + columns).map((cell, column, all) => {
      const last = column === all.length - 1;
      if (numeric) return cell.padStart(widths[column]!) + (last ? '' : ', ');
      return last ? cell : `${cell}, `.padEnd(widths[column]! + 2);
    });
    lines.push(row.join('').trimEnd());
  }
  return [...lines, ...rest];
}

export function inspect(value: unknown, options: InspectOptions | boolean = {}): string {
  const given: InspectOptions = typeof options === 'object' && options !== null ? options : {};
  const ctx: Ctx = {
    depth: given.depth === null ? Infinity : (given.depth ?? 2),
    breakLength: given.breakLength ?? 80,
    itemsMax: given.maxArrayLength === null ? Infinity : (given.maxArrayLength ?? 100),
    stringMax: given.maxStringLength === null ? Infinity : (given.maxStringLength ?? 10_000),
    hidden: given.showHidden === true || options === true,
    sorted: given.sorted === true,
    path: [],
    circular: new Map(),
    options: given,
  };
  return show(value, ctx, 0);
}
inspect.custom = customInspect;
inspect.defaultOptions = { depth: 2, breakLength: 80, maxArrayLength: 100, maxStringLength: 10_000 };

function substitute(kind: string, value: unknown): string | undefined {
  switch (kind) {
    case 's':
      if (typeof value === 'bigint') return `${value}n`;
      if (typeof value === 'object' && value !== null && !hasOwnText(value)) return inspect(value, { depth: 0 });
      return Object.is(value, -0) ? '-0' : String(value);
    case 'd':
      return typeof value === 'bigint'
        ? `${value}n`
        : typeof value === 'symbol' || typeof value === 'object'
          ? String(Number(value as never))
          : String(Number(value));
    case 'i':
      return typeof value === 'bigint'
        ? `${value}n`
        : typeof value === 'symbol' || typeof value === 'object'
          ? 'NaN'
          : String(parseInt(value as string));
    case 'f':
      return typeof value === 'symbol' ? 'NaN' : String(parseFloat(value as string));
    case 'j':
      try {
        return JSON.stringify(value);
      } catch (error) {
        if (error instanceof TypeError && /circular/i.test(error.message)) return '[Circular]';
        throw error;
      }
    case 'o':
      return inspect(value, { showHidden: true, depth: 4 });
    case 'O':
      return inspect(value);
    default:
      return '';
  }
}

/** Errors and objects with a toString of their own print as it says; plain ones are inspected. */
function hasOwnText(value: object): boolean {
  return (
    value instanceof Error ||
    value instanceof Date ||
    (typeof value.toString === 'function' &&
      value.toString !== Object.prototype.toString &&
      (Object.hasOwn(value, 'toString') || (!isArray(value) && nameOfClass(value) !== 'Object')))
  );
}

export function format(...args: readonly unknown[]): string {
  return formatList(args);
}

export function formatList(args: readonly unknown[]): string {
  const [first] = args;
  if (args.length === 1) return typeof first === 'string' ? first : inspect(first);
  let next = 0;
  let text = '';
  if (typeof first === 'string') {
    next = 1;
    text = first.replace(/%([sdifjoOc%])/g, (whole, kind: string) => {
      if (kind === '%') return '%';
      return next >= args.length ? whole : (substitute(kind, args[next++]) ?? 'undefined');
    });
  }
  const rest = args.slice(next).map((value) => (typeof value === 'string' ? value : inspect(value)));
  return typeof first === 'string' ? [text, ...rest].join(' ') : rest.join(' ');
}
