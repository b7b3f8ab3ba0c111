/** The atomic steps of this connector; each file's header says what it takes and returns. */
import { OUTPUT_LUA } from '../../src/output.ts';
import { loadScript } from '../../src/redis/scripts.ts';

const dir = new URL('./lua/', import.meta.url);

export const createScript = loadScript(dir, 'create-N.lua');
export const splitScript = loadScript(dir, 'split-4.lua');
export const mergeScript = loadScript(dir, 'merge-4.lua');
export const deleteScript = loadScript(dir, 'delete-N.lua');
export const trimScript = loadScript(dir, 'trim-N.lua');
export const countScript = loadScript(dir, 'count-1.lua');
export const putScript = loadScript(dir, 'put-N.lua');
export const forwardScript = loadScript(dir, 'forward-N.lua', { with: OUTPUT_LUA });
