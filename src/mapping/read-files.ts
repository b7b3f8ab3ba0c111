/** Which files a configuration is made of: one YAML file, or all `.yaml` and `.yml` files of a directory (not of those below it). */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { CONFIG_FILES_MAX, CONFIG_FILE_BYTES_MAX } from '../config-limits.ts';
import type { Report } from './report.ts';

export interface ConfigFile {
  /** As the user would name it: what diagnostics show. */
  readonly shown: string;
  readonly absolute: string;
  readonly bytes: Buffer;
}

export interface ConfigFiles {
  readonly files: readonly ConfigFile[];
  /** Code has to lie below it: the file's directory, or the directory itself. */
  readonly root: string;
}

export function readConfigFiles(given: string, report: Report): ConfigFiles {
  const absolute = path.resolve(given);
  const stat = statSync(absolute, { throwIfNoEntry: false });
  const bad = (code: string, message: string, hint: string): ConfigFiles => {
    report.add({ code, path: [], at: { file: given, line: 1, column: 1 }, message, hint });
    return { files: [], root: absolute };
  };
  if (stat === undefined)
    return bad(
      'file-missing',
      'the configuration does not exist',
      'name a YAML file, or a directory of them, with -c PATH',
    );
  if (!stat.isDirectory()) {
    if (!stat.isFile())
      return bad(
        'file-missing',
        'the configuration is neither a file nor a directory',
        'name a YAML file with -c PATH',
      );
    return { files: readAll([{ shown: given, absolute }], report), root: path.dirname(absolute) };
  }
  const names = readdirSync(absolute)
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort();
  if (names.length === 0)
    return bad('file-missing', 'the directory holds no .yaml or .yml file', 'name a YAML file with -c PATH');
  if (names.length > CONFIG_FILES_MAX) {
    return bad(
      'too-many-files',
      `the directory holds ${names.length} YAML files; at most ${CONFIG_FILES_MAX} are read`,
      'put several mappings into one file',
    );
  }
  const listed = names.map((name) => ({ shown: path.join(given, name), absolute: path.join(absolute, name) }));
  return { files: readAll(listed, report), root: absolute };
}

function readAll(listed: readonly { shown: string; absolute: string }[], report: Report): ConfigFile[] {
  return listed.flatMap((file) => {
    try {
      const stat = statSync(file.absolute);
      if (stat.isFile() && stat.size <= CONFIG_FILE_BYTES_MAX) return [{ ...file, bytes: readFileSync(file.absolute) }];
      const at = { file: file.shown, line: 1, column: 1 };
      if (stat.isFile()) {
        const message = `the file has ${stat.size} bytes; at most ${CONFIG_FILE_BYTES_MAX} are read`;
        report.add({
          code: 'file-too-large',
          path: [],
          at,
          message,
          hint: 'split it: -c also takes a directory of YAML files',
        });
      } else report.add({ code: 'file-unreadable', path: [], at, message: 'this is not a file' });
      return [];
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      report.add({
        code: 'file-unreadable',
        path: [],
        at: { file: file.shown, line: 1, column: 1 },
        message: `the file cannot be read (${reason})`,
      });
      return [];
    }
  });
}
