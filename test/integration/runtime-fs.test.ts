/** node:fs: the same in Node, on a real file system, and in the isolate, on its own; and what is its own alone. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SCRATCH_BYTES_MAX } from '../../src/limits.ts';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string, over = {}) => resultOf(await box.run(body, {}, over));

/** `plain` takes the directory of the run out of what is compared. */
const BEGIN = `
  const fs = require('node:fs'); const fsp = require('node:fs/promises'); const path = require('path'); const base = fs.mkdtempSync('/tmp/millrace-fs-'); const at = (name) => path.join(base, name);
  const plain = (value) => JSON.parse(JSON.stringify(value ?? null).replaceAll(base, 'BASE'));
  const say = (act) => { try { return plain(act()) } catch (e) { return plain([e.name, e.code, e.errno, e.syscall, e.path, e.dest, e.message]) } };
  const tell = (promise) => promise.then(plain, (e) => plain([e.code, e.syscall, e.path, e.message]));
  try { const result = await (async () => {`;
const END = ` })(); return result } finally { fs.rmSync(base, { recursive: true, force: true }) }`;

const CASES: Readonly<Record<string, string>> = {
  'whole files': `fs.writeFileSync(at('a'), 'hällo'); fs.appendFileSync(at('a'), Buffer.from('!')); fs.writeFileSync(at('b'), new Uint16Array([1, 2])); fs.writeFileSync(at('c'), 'ff00', 'hex'); fs.writeFileSync(at('d'), 'x', { mode: 0o600, flag: 'wx' });
    return [fs.readFileSync(at('a'), 'utf8'), fs.readFileSync(at('a')).toString('hex'), fs.readFileSync(at('b'), { encoding: 'hex' }), fs.readFileSync(at('c')).length, (fs.statSync(at('d')).mode & 0o777).toString(8), fs.existsSync(at('a')), fs.existsSync(at('z')),
      say(() => fs.writeFileSync(at('d'), 'y', { flag: 'wx' })), say(() => fs.readFileSync(at('z'))), say(() => fs.readFileSync(base)), say(() => fs.writeFileSync(base, 'x')), say(() => fs.readFileSync(at('a/b')))]`,
  'paths as URLs and buffers, and what is no path': `fs.writeFileSync(new URL('file://' + at('u%20v')), '1'); fs.writeFileSync(Buffer.from(at('buffer')), '2'); return [fs.readdirSync(base).sort(), say(() => fs.readFileSync(at('a') + '\\0')).slice(0, 2), say(() => fs.readFileSync()).slice(0, 2), say(() => fs.statSync(''))]`,
  directories: `fs.mkdirSync(at('d')); const first = fs.mkdirSync(at('e/f/g'), { recursive: true }); const again = fs.mkdirSync(at('e/f'), { recursive: true }); fs.writeFileSync(at('e/f/file'), '');
    const all = fs.readdirSync(base, { recursive: true }).sort(); const typed = fs.readdirSync(at('e'), { withFileTypes: true, recursive: true }).map((e) => [e.name, e.parentPath, e.isDirectory(), e.isFile(), e.isSymbolicLink()]).sort();
    return plain([first, again, all, typed, say(() => fs.mkdirSync(at('d'))), say(() => fs.mkdirSync(at('x/y'))), say(() => fs.rmdirSync(at('e'))), say(() => fs.readdirSync(at('e/f/file'))), say(() => fs.mkdirSync(at('e/f/file'), { recursive: true })).slice(0, 2),
      say(() => fs.mkdirSync(at('e/f/file/x'), { recursive: true })).slice(0, 2), fs.rmdirSync(at('d')), fs.existsSync(at('d')), fs.readdirSync(at('e'), { encoding: 'buffer' })[0].toString()])`,
  removal: `fs.mkdirSync(at('d/e'), { recursive: true }); fs.writeFileSync(at('d/e/f'), ''); return [say(() => fs.unlinkSync(at('z'))), say(() => fs.rmSync(at('z'))), say(() => fs.rmSync(at('z'), { force: true })), say(() => fs.rmSync(at('d'))).slice(1, 2),
      say(() => fs.rmSync(at('d'), { recursive: true })), fs.readdirSync(base), say(() => fs.rmdirSync(at('q')))]`,
  renames: `fs.writeFileSync(at('a'), '1'); fs.writeFileSync(at('b'), '2'); fs.mkdirSync(at('d')); fs.mkdirSync(at('full')); fs.writeFileSync(at('full/x'), ''); fs.renameSync(at('a'), at('b')); fs.renameSync(at('b'), at('d/c'));
    return [fs.readFileSync(at('d/c'), 'utf8'), fs.existsSync(at('a')), say(() => fs.renameSync(at('z'), at('y'))), say(() => fs.renameSync(at('d'), at('full'))), say(() => fs.renameSync(at('full/x'), at('d'))), say(() => fs.renameSync(at('d'), at('full/x'))), say(() => fs.renameSync(at('d'), at('d/e')))]`,
  copies: `fs.writeFileSync(at('a'), 'one'); fs.mkdirSync(at('d/e'), { recursive: true }); fs.writeFileSync(at('d/e/f'), 'deep'); fs.copyFileSync(at('a'), at('b')); fs.cpSync(at('d'), at('copy'), { recursive: true }); fs.cpSync(at('a'), at('new/sub/a'));
    return [fs.readFileSync(at('b'), 'utf8'), fs.readFileSync(at('copy/e/f'), 'utf8'), fs.readFileSync(at('new/sub/a'), 'utf8'), say(() => fs.copyFileSync(at('a'), at('b'), fs.constants.COPYFILE_EXCL)), say(() => fs.copyFileSync(at('z'), at('y'))), say(() => fs.cpSync(at('d'), at('d2'))).slice(1, 2)]`,
  links: `fs.writeFileSync(at('a'), 'x'); fs.symlinkSync('a', at('s')); fs.symlinkSync(at('loop2'), at('loop1')); fs.symlinkSync(at('loop1'), at('loop2')); fs.linkSync(at('a'), at('h')); fs.symlinkSync('.', at('here'));
    const before = [fs.readFileSync(at('s'), 'utf8'), fs.readlinkSync(at('s')), fs.lstatSync(at('s')).isSymbolicLink(), fs.statSync(at('s')).isFile(), fs.statSync(at('h')).nlink, fs.realpathSync(at('here/here/s')), say(() => fs.readFileSync(at('loop1'))), say(() => fs.readlinkSync(at('a'))), say(() => fs.symlinkSync('a', at('s')))];
    fs.unlinkSync(at('a')); return plain([...before, fs.readFileSync(at('h'), 'utf8'), fs.existsSync(at('s')), say(() => fs.statSync(at('s'))), fs.realpathSync.native(base)])`,
  'times, modes, access': `fs.writeFileSync(at('a'), 'x'); fs.utimesSync(at('a'), 1, new Date(2000)); fs.chmodSync(at('a'), 0o640); const s = fs.statSync(at('a')); const b = fs.statSync(at('a'), { bigint: true });
    return [s.atimeMs, s.mtimeMs, s.mtime, s.atime instanceof Date, (s.mode & 0o777).toString(8), s.size, s.isFile(), s.isDirectory(), String(b.size), String(b.mtimeNs), say(() => fs.accessSync(at('a'), fs.constants.R_OK | fs.constants.W_OK)), say(() => fs.accessSync(at('z'))),
      say(() => fs.statSync(at('z'), { throwIfNoEntry: false })), say(() => fs.statSync(at('z'))), Object.keys(s).filter((key) => !/^[am]time$/.test(key))]`,
  descriptors: `const fd = fs.openSync(at('a'), 'w+'); const out = [fs.writeSync(fd, 'hello'), fs.writeSync(fd, Buffer.from('XYZ'), 1, 2, 1), fs.writeSync(fd, '!', 10)]; const buffer = Buffer.alloc(6); out.push(fs.readSync(fd, buffer, 0, 6, 0), buffer.toString(), fs.readSync(fd, buffer), fs.fstatSync(fd).size);
    fs.ftruncateSync(fd, 2); out.push(fs.fstatSync(fd).size, fs.readvSync(fd, [Buffer.alloc(1), Buffer.alloc(5)], 0), fs.writevSync(fd, [Buffer.from('a'), Buffer.from('bc')], 0)); fs.closeSync(fd); out.push(fs.readFileSync(at('a'), 'utf8'), say(() => fs.closeSync(fd)), say(() => fs.readSync(fd, buffer)), say(() => fs.openSync(at('a'), 'nonsense')).slice(0, 2));
    const reading = fs.openSync(at('a')); out.push(say(() => fs.writeSync(reading, 'x')), say(() => fs.readSync(reading, buffer, 0, 100)).slice(0, 2)); fs.unlinkSync(at('a')); out.push(fs.readFileSync(reading, 'utf8'), fs.readFileSync(reading, 'utf8')); fs.closeSync(reading);
    const appending = fs.openSync(at('b'), 'a'); fs.writeSync(appending, '1'); fs.writeSync(appending, '2', 0); fs.closeSync(appending); out.push(fs.readFileSync(at('b'), 'utf8')); return out`,
  truncation: `fs.writeFileSync(at('a'), 'hello'); fs.truncateSync(at('a'), 2); fs.truncateSync(at('a'), 4); const one = fs.readFileSync(at('a')).toString('hex'); fs.truncateSync(at('a')); return [one, fs.readFileSync(at('a')).length]`,
  callbacks: `const { promisify } = require('util'); const call = (name, ...args) => new Promise((resolve) => fs[name](...args, (...answer) => resolve(plain(answer.map((a) => a?.code ?? (Buffer.isBuffer(a) ? a.toString() : a))))));
    const order = []; const p = call('writeFile', at('a'), 'x').then(() => order.push('written')); order.push('sync'); await p; fs.mkdirSync(at('d')); const fd = fs.openSync(at('a'));
    return [order, await call('readFile', at('a'), 'utf8'), await call('readFile', at('z')), await call('readdir', at('d')), await call('mkdir', at('d')), await call('rename', at('a'), at('b')), await new Promise((r) => fs.exists(at('b'), r)), await call('read', fd, Buffer.alloc(1), 0, 1, 0), await promisify(fs.readFile)(at('b'), 'utf8'),
      await promisify(fs.exists)(at('b')), (await promisify(fs.read)(fd, Buffer.alloc(1), 0, 1, 0)).bytesRead, fs.closeSync(fd), say(() => fs.readFile(at('a'))).slice(0, 2)]`,
  promises: `await fsp.writeFile(at('a'), 'x'); await fsp.appendFile(at('a'), 'y'); await fsp.writeFile(at('s'), require('stream').Readable.from(['1', '2'])); await fsp.mkdir(at('d/e'), { recursive: true }); await fsp.copyFile(at('a'), at('d/b')); await fsp.cp(at('d'), at('f'), { recursive: true });
    const temporary = await fsp.mkdtemp(at('t-')); const names = []; for await (const entry of await fsp.opendir(base)) names.push(entry.name.slice(0, 2));
    return [await fsp.readFile(at('a'), 'utf8'), await fsp.readFile(at('s'), 'utf8'), await tell(fsp.readFile(at('z'))), await tell(fsp.access(at('z'))), await tell(fsp.stat(at('z'))), (await fsp.readdir(at('f'))).sort(), temporary.length - base.length, names.sort(), fs.promises === fsp,
      await tell(fsp.rm(at('f'), { recursive: true })), await tell(fsp.readdir(at('f')))]`,
  'file handles': `const handle = await fsp.open(at('a'), 'w+'); const out = [await handle.write('hello').then((r) => r.bytesWritten), await handle.writeFile('+'), typeof handle.fd]; const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(3), position: 1 }); out.push(bytesRead, buffer.toString(), (await handle.stat()).size);
    await handle.truncate(2); await handle.sync(); await handle.close(); out.push(handle.fd, await fsp.readFile(at('a'), 'utf8')); const again = await fsp.open(at('a')); out.push(await again.readFile('utf8')); await again.close(); out.push(await tell(again.readFile()).then(([code]) => code)); return out`,
  streams: `const { pipeline } = require('stream/promises'); await pipeline(['a'.repeat(100000), 'b'], fs.createWriteStream(at('a'))); let n = 0; let chunks = 0; for await (const chunk of fs.createReadStream(at('a'))) { n += chunk.length; chunks++ }
    const part = []; for await (const chunk of fs.createReadStream(at('a'), { start: 99999, end: 100000, encoding: 'utf8' })) part.push(chunk); const log = [];
    await new Promise((resolve) => { const s = fs.createReadStream(at('z')); s.on('error', (e) => log.push(e.code)); s.on('close', () => { log.push('close'); resolve() }) });
    await new Promise((resolve) => { const s = fs.createWriteStream(at('b'), { flags: 'a' }); for (const name of ['open', 'ready', 'finish', 'close']) s.on(name, () => log.push(name)); s.write('x'); s.end('y'); s.on('close', () => { log.push(s.bytesWritten, s.path === at('b'), s.pending); resolve() }) });
    const copy = fs.createReadStream(at('a')).pipe(fs.createWriteStream(at('c'))); await require('events').once(copy, 'finish'); return [n, chunks, part.join(''), log, fs.statSync(at('c')).size, fs.readFileSync(at('b'), 'utf8'), copy instanceof fs.WriteStream]`,
  'lines of a file': `fs.writeFileSync(at('a'), 'one\\ntwo\\r\\nthree'); return fs.readFileSync(at('a'), 'utf8').split(/\\r?\\n/)`,
  'directories as objects': `fs.writeFileSync(at('a'), ''); const dir = fs.opendirSync(base); const first = dir.readSync(); const then = dir.readSync(); dir.closeSync(); return plain([first.name, then, dir.path])`,
};

test.each(Object.entries(CASES))('%s', async (_name, body) => {
  expect(await run(BEGIN + body + END)).toEqual(await inNode(BEGIN + body + END));
});

describe('what is its own', () => {
  test('nothing of the host is there, and nothing outside of /tmp can be written', async () => {
    const result = await run(`
      const fs = require('fs'); const say = (act) => { try { return act() ?? 'done' } catch (e) { return [e.code, e.syscall, e.path] } };
      return [say(() => fs.readFileSync('/etc/passwd')), say(() => fs.readFileSync('/proc/self/environ')), say(() => fs.readdirSync('/')), say(() => fs.readdirSync('.')), say(() => fs.writeFileSync('/var/task/x', '1')), say(() => fs.writeFileSync('/x', '1')),
        say(() => fs.mkdirSync('/home')), say(() => fs.writeFileSync('/data/x', '1')), say(() => fs.rmSync('/tmp', { recursive: true })), say(() => fs.renameSync('/tmp', '/tmp2')), say(() => fs.symlinkSync('/tmp', '/var/task/t')), say(() => fs.accessSync('/var/task', fs.constants.W_OK)),
        say(() => fs.chmodSync('/', 0)), fs.statSync('/tmp').isDirectory(), process.cwd()]`);
    expect(result).toEqual([
      ['ENOENT', 'open', '/etc/passwd'],
      ['ENOENT', 'open', '/proc/self/environ'],
      ['tmp', 'var'],
      [],
      ['EROFS', 'open', '/var/task/x'],
      ['EROFS', 'open', '/x'],
      ['EROFS', 'mkdir', '/home'],
      ['ENOENT', 'open', '/data/x'],
      ['EROFS', 'rm', '/tmp'],
      ['EROFS', 'rename', '/tmp'],
      ['EROFS', 'symlink', '/tmp'],
      ['EROFS', 'access', '/var/task'],
      ['EROFS', 'chmod', '/'],
      true,
      '/var/task',
    ]);
  });

  test('it is kept while the isolate is warm, and is nobody else’s', async () => {
    const name = `millrace-${process.pid}-${Date.now()}`;
    const code = `const fs = require('fs'); exports.handler = async () => { const file = '/tmp/${name}'; const before = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''; fs.appendFileSync(file, 'x'); return before }`;
    const version = box.version(code);
    const other = box.version(code);
    const results = [];
    for (const each of [version, version, other, version]) results.push(resultOf(await box.invoke(each)));
    expect(results).toEqual(['', 'x', '', 'xx']);
    expect(existsSync(`/tmp/${name}`)).toBe(false);
  });

  test('its size has a limit, and what is removed is free again', async () => {
    const body = `
      const fs = require('fs'); let written = 0; let code; const block = Buffer.alloc(4 * 1024 * 1024, 1);
      const fill = (name) => { written = 0; try { for (;;) { fs.appendFileSync(name, block); written += block.length } } catch (e) { code = e.code } };
      fill('/tmp/a'); const first = written; const size = fs.statSync('/tmp/a').size; fs.unlinkSync('/tmp/a'); fill('/tmp/b'); const second = written; fs.rmSync('/tmp/b'); return { code, first, second, size }`;
    const small = (await run(body, { memorySizeMb: 128, timeoutMs: 20_000 })) as Record<string, number>;
    expect(small).toMatchObject({ code: 'ENOSPC', size: small['first'] });
    expect(small['first']).toBeLessThan(128 * 1024 * 1024);
    expect(small['first']).toBeGreaterThan(20 * 1024 * 1024);
    expect(small['second']).toBeGreaterThan(small['first']! / 2);
  });

  test('its size has a limit of its own where memory would allow more', async () => {
    const result = await run(
      `const fs = require('fs'); const { bsize, blocks } = fs.statfsSync('/tmp'); try { fs.truncateSync(fs.openSync('/tmp/a', 'w'), 0); fs.ftruncateSync(fs.openSync('/tmp/a', 'r+'), ${SCRATCH_BYTES_MAX} + 1) } catch (e) { return [e.code, bsize * blocks] }`,
      { memorySizeMb: 2048 },
    );
    expect(result).toEqual(['ENOSPC', SCRATCH_BYTES_MAX]);
  });

  test('descriptors 1 and 2 are the log', async () => {
    const { logs } = await box.run(
      `const fs = require('fs'); fs.writeSync(1, 'one line\\n'); fs.write(2, Buffer.from('an error\\n'), () => {}); await new Promise((r) => setTimeout(r, 5))`,
    );
    expect(logs.map(({ level, text }) => [level, text])).toEqual([
      ['info', 'one line'],
      ['error', 'an error'],
    ]);
  });

  test('what there is not is refused with a sentence', async () => {
    expect(
      await run(`const fs = require('fs'); try { fs.watch('/tmp') } catch (e) { return [e.code, e.message] }`),
    ).toEqual(['ERR_MILLRACE_UNSUPPORTED', expect.stringMatching(/^node:fs: watch cannot be used: .+\.$/) as string]);
  });
});
