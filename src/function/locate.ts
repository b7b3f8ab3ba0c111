/** Where a function's code is: from `code` and `handler` to the file to bundle and the export to call. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { FunctionCodeError, type FunctionProblem, type FunctionSource } from './types.ts';
import { ArchiveFault } from './zip/fault.ts';
import { unpackArchive } from './zip/unpack.ts';

export interface Located {
  /** The directory that counts as /var/task. */
  readonly root: string;
  /** The file that is bundled, absolute. */
  readonly entry: string;
  /** `handler`, or nested: `api.handler`. */
  readonly exportPath: string;
  /** The `.zip` that `root` was unpacked from: then nothing outside of `root` is the function's. */
  readonly archive?: string;
}

const FILE_KINDS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const;
/** The order in which a directory's handler file is looked for: as Lambda does, then TypeScript. */
const DIRECTORY_KINDS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'] as const;
const EXPORT_PATH =
  /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*(\.[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)*$/u;

/** @throws FunctionCodeError */
export async function locate(source: FunctionSource, cacheDir: string): Promise<Located> {
  const kind = await kindOf(source.code);
  if (kind === 'missing') {
    throw problem(source, 'function-code-missing', `there is no file or directory ${source.code}`, {
      hint: 'paths in the configuration are relative to the file they are written in',
    });
  }
  if (kind === 'directory') return locateIn(source.code, source);
  if (path.extname(source.code).toLowerCase() !== '.zip') return locateFile(source);
  // What is wrong with the handler's form needs no unpacking.
  readHandler(source);
  return { ...(await locateIn(await unpack(source, cacheDir), source)), archive: source.code };
}

async function unpack(source: FunctionSource, cacheDir: string): Promise<string> {
  try {
    return await unpackArchive(source.code, source, cacheDir);
  } catch (error) {
    if (!(error instanceof ArchiveFault)) throw error;
    throw problem(source, 'function-archive', error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}

function locateFile(source: FunctionSource): Located {
  const extension = path.extname(source.code);
  if (!FILE_KINDS.some((known) => known === extension)) {
    throw problem(
      source,
      'function-code-kind',
      `a function is a ${FILE_KINDS.join(', ')} file, a .zip or a directory, not ${extension || 'this'}`,
    );
  }
  if (!EXPORT_PATH.test(source.handler)) {
    throw problem(source, 'function-handler', `the handler ${JSON.stringify(source.handler)} is no name of an export`, {
      hint: 'the handler of a file is the name of its export, such as `handler`',
    });
  }
  return { root: path.dirname(source.code), entry: source.code, exportPath: source.handler };
}

async function locateIn(root: string, source: FunctionSource): Promise<Located> {
  const { module, exportPath } = readHandler(source);
  // A module may be a directory with an index, as for `require`.
  for (const base of [path.join(root, module), path.join(root, module, 'index')]) {
    for (const extension of DIRECTORY_KINDS) {
      if ((await kindOf(base + extension)) === 'file') return { root, entry: base + extension, exportPath };
    }
  }
  const hint = `the handler is ${source.handler}: the part before the first dot names the file`;
  const message = `there is no module ${module} in ${source.code} (tried ${DIRECTORY_KINDS.join(', ')})`;
  throw problem(source, 'function-code-missing', message, { hint });
}

/** As in Lambda: the module's path ends at the first dot of its last segment. */
function readHandler(source: FunctionSource): { module: string; exportPath: string } {
  const match = /^(?<module>(?:.*\/)?[^./]+)\.(?<exported>[^/]+)$/.exec(source.handler);
  const exportPath = match?.groups?.['exported'] ?? '';
  if (!match || !EXPORT_PATH.test(exportPath) || source.handler.split('/').includes('..')) {
    throw problem(
      source,
      'function-handler',
      `the handler ${JSON.stringify(source.handler)} is not of the form file.export`,
      {
        hint: 'the handler of a directory or archive names a file without its extension and an export, such as `index.handler`',
      },
    );
  }
  return { module: match.groups!['module']!, exportPath };
}

async function kindOf(file: string): Promise<'file' | 'directory' | 'missing'> {
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (info === null) return 'missing';
  return info.isDirectory() ? 'directory' : 'file';
}

function problem(
  source: FunctionSource,
  code: FunctionProblem['code'],
  message: string,
  options: { hint?: string } = {},
): FunctionCodeError {
  return new FunctionCodeError(source.name, [
    { severity: 'error', code, message, ...options, file: source.code, line: 1, column: 1 },
  ]);
}
