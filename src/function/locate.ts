/** Where a function's code is: from `code` and `handler` to the file to bundle and the export to call. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { FunctionCodeError, type FunctionProblem, type FunctionSource } from './types.ts';

export interface Located {
  /** The directory that counts as /var/task. */
  readonly root: string;
  /** The file that is bundled, absolute. */
  readonly entry: string;
  /** `handler`, or nested: `api.handler`. */
  readonly exportPath: string;
}

const FILE_KINDS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const;
/** The order in which a directory's handler file is looked for: as Lambda does, then TypeScript. */
const DIRECTORY_KINDS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'] as const;
const EXPORT_PATH =
  /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*(\.[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)*$/u;

/** @throws FunctionCodeError */
export async function locate(source: FunctionSource): Promise<Located> {
  const kind = await kindOf(source.code);
  if (kind === 'missing') {
    throw problem(source, 'function-code-missing', `there is no file or directory ${source.code}`, {
      hint: 'paths in the configuration are relative to the file they are written in',
    });
  }
  if (source.code.endsWith('.zip')) {
    throw problem(source, 'function-code-kind', 'zip archives are not supported yet: unpack it and name the directory');
  }
  return kind === 'directory' ? locateInDirectory(source) : locateFile(source);
}

function locateFile(source: FunctionSource): Located {
  const extension = path.extname(source.code);
  if (!FILE_KINDS.some((known) => known === extension)) {
    throw problem(
      source,
      'function-code-kind',
      `a function is a ${FILE_KINDS.join(', ')} file or a directory, not ${extension || 'this'}`,
    );
  }
  if (!EXPORT_PATH.test(source.handler)) {
    throw problem(source, 'function-handler', `the handler ${JSON.stringify(source.handler)} is no name of an export`, {
      hint: 'the handler of a file is the name of its export, such as `handler`',
    });
  }
  return { root: path.dirname(source.code), entry: source.code, exportPath: source.handler };
}

async function locateInDirectory(source: FunctionSource): Promise<Located> {
  if ((await kindOf(path.join(source.code, 'package.json'))) !== 'file') {
    throw problem(source, 'function-code-kind', `the directory ${source.code} has no package.json`, {
      hint: 'name a single file, or add a package.json (`npm init -y`)',
    });
  }
  // As in Lambda: the module's path ends at the first dot of its last segment.
  const match = /^(?<module>(?:.*\/)?[^./]+)\.(?<exported>[^/]+)$/.exec(source.handler);
  const exported = match?.groups?.['exported'] ?? '';
  if (!match || !EXPORT_PATH.test(exported) || source.handler.split('/').includes('..')) {
    throw problem(
      source,
      'function-handler',
      `the handler ${JSON.stringify(source.handler)} is not of the form file.export`,
      {
        hint: 'the handler of a directory names a file without its extension and an export, such as `index.handler`',
      },
    );
  }
  const base = path.join(source.code, match.groups!['module']!);
  for (const extension of DIRECTORY_KINDS) {
    if ((await kindOf(base + extension)) === 'file') {
      return { root: source.code, entry: base + extension, exportPath: exported };
    }
  }
  throw problem(source, 'function-code-missing', `there is no module ${base} (tried ${DIRECTORY_KINDS.join(', ')})`, {
    hint: `the handler is ${source.handler}: the part before the first dot names the file`,
  });
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
