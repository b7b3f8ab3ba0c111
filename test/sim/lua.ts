/**
 * Runs the engine's own Lua scripts in this process, on the Lua that Redis embeds (5.1). A script is a coroutine: each redis.call yields
 * the command and goes on with the reply, so that nothing has to be called from within Lua.
 */
import { lauxlib, lua, lualib } from 'lua-wasm-bindings/dist/lua.51.js';
import { type Reply, ReplyError, Status } from './reply.ts';

/** Control characters, which no key and no JSON text holds. */
const [ITEM, END] = ['\x1e', '\x1f'];

const DRIVER = String.raw`
local ITEM = '\30'
local items, at
local function value()
  local item = items[at]
  at = at + 1
  local kind, text = string.sub(item, 1, 1), string.sub(item, 2)
  if kind == '$' then return text end
  if kind == ':' then return tonumber(text) end
  if kind == '_' then return false end
  if kind == '+' then return { ok = text } end
  if kind == '-' then return { err = text } end
  local list = {}
  for i = 1, tonumber(text) do list[i] = value() end
  return list
end
local function split(text)
  local list = {}
  for item in string.gmatch(text, '[^\30]+') do list[#list + 1] = item end
  return list
end
local function read(text)
  items, at = split(text), 1
  return value()
end
local function send(...)
  local words = { ... }
  for i = 1, #words do words[i] = '$' .. tostring(words[i]) end
  return read(coroutine.yield(table.concat(words, ITEM)))
end
redis = {
  pcall = send,
  call = function(...)
    local reply = send(...)
    if type(reply) == 'table' and reply.err then error({ err = reply.err }) end
    return reply
  end,
  acl_check_cmd = function() return true end,
}
local function write(v, out)
  local kind = type(v)
  if kind == 'string' then out[#out + 1] = '$' .. v
  elseif kind == 'number' then out[#out + 1] = ':' .. string.format('%.0f', v < 0 and math.ceil(v) or math.floor(v))
  elseif v == true then out[#out + 1] = ':1'
  elseif kind ~= 'table' then out[#out + 1] = '_'
  elseif v.err then out[#out + 1] = '-' .. v.err
  elseif v.ok then out[#out + 1] = '+' .. v.ok
  else
    local n = 0
    while v[n + 1] ~= nil do n = n + 1 end
    out[#out + 1] = '*' .. n
    for i = 1, n do write(v[i], out) end
  end
end
local known, running = {}, nil
local function step(...)
  local ok, what = coroutine.resume(running, ...)
  if not ok then return '!' .. ((type(what) == 'table' and what.err) or tostring(what)) end
  if coroutine.status(running) ~= 'dead' then return '?' .. what end
  local out = {}
  write(what, out)
  return '=' .. table.concat(out, ITEM)
end
local function words(text)
  local list = split(text)
  for i = 1, #list do list[i] = string.sub(list[i], 2) end
  return list
end
function begin(sha, text, keys, args)
  local script = known[sha]
  if not script then
    script = assert(loadstring(text, sha))
    known[sha] = script
  end
  KEYS, ARGV = words(keys), words(args)
  running = coroutine.create(script)
  return step()
end
function go_on(reply) return step(reply) end
`;

export class LuaScripts {
  readonly #state = lauxlib.luaL_newstate();
  /** Compiled already: their text need not cross again. */
  readonly #known = new Set<string>();

  constructor() {
    lualib.luaL_openlibs(this.#state);
    if (lauxlib.luaL_dostring(this.#state, DRIVER) !== 0) throw new Error(lua.lua_tostring(this.#state, -1));
  }

  /** @throws ReplyError as the server would answer with it */
  run(
    sha1: string,
    text: string,
    keys: readonly string[],
    args: readonly string[],
    call: (command: string[]) => Reply,
  ): Reply {
    const listed = (words: readonly string[]) => words.map((word) => `$${word}`).join(ITEM);
    const source = this.#known.has(sha1) ? '' : text.replace(/^#!lua[^\n]*/, '');
    this.#known.add(sha1);
    let answer = this.#call('begin', [sha1, source, listed(keys), listed(args)]);
    while (answer[0] === '?') {
      const command = answer.slice(1).split(ITEM);
      answer = this.#call('go_on', [encode(call(command.map((word) => word.slice(1))))]);
    }
    if (answer[0] === '!') throw new ReplyError(answer.slice(1));
    return decode(answer.slice(1).split(ITEM), { at: 0 });
  }

  #call(name: string, args: readonly string[]): string {
    const state = this.#state;
    lua.lua_getglobal(state, name);
    for (const arg of args) {
      if (arg.includes('\0') || arg.includes(END)) throw new Error(`not for the simulation's Lua: ${arg}`);
      lua.lua_pushstring(state, arg);
    }
    const failed = lua.lua_pcall(state, args.length, 1, 0) !== 0;
    const text = lua.lua_tostring(state, -1);
    lua.lua_settop(state, 0);
    if (failed) throw new Error(`Lua: ${text}`);
    return text;
  }
}

function encode(reply: Reply): string {
  if (reply === null) return '_';
  if (typeof reply === 'string') return `$${reply}`;
  if (typeof reply === 'number') return `:${reply}`;
  if (reply instanceof Status) return `+${reply.text}`;
  if (reply instanceof ReplyError) return `-${reply.message}`;
  return [`*${reply.length}`, ...reply.map(encode)].join(ITEM);
}

function decode(items: readonly string[], place: { at: number }): Reply {
  const item = items[place.at++]!;
  const text = item.slice(1);
  switch (item[0]) {
    case '$':
      return text;
    case ':':
      return Number(text);
    case '+':
      return new Status(text);
    case '-':
      throw new ReplyError(text);
    case '*':
      return Array.from({ length: Number(text) }, () => decode(items, place));
    default:
      return null;
  }
}
