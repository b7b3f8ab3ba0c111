/** node:tty: nothing in a sandbox is a terminal, which is what libraries ask before they write colours. */
import { unsupported } from './unsupported.ts';

export const tty = unsupported('tty', { isatty: () => false });
