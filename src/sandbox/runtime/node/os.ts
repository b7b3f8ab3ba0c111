/** node:os: the machine that a function sees, which is nobody's. */
import { hooks } from '../host.ts';
import { osConstants } from './os-constants.ts';
import { unsupported } from './unsupported.ts';

export const os = unsupported('os', {
  EOL: '\n',
  devNull: '/dev/null',
  arch: () => 'x64',
  machine: () => 'x86_64',
  platform: () => 'linux',
  type: () => 'Linux',
  release: () => '6.1.0',
  version: () => '#1 SMP',
  endianness: () => 'LE',
  hostname: () => 'sandbox',
  homedir: () => '/home/sandbox',
  tmpdir: () => '/tmp',
  uptime: () => Math.floor(hooks.monoMs() / 1000),
  loadavg: () => [0, 0, 0],
  totalmem: () => hooks.memoryLimitMb * 2 ** 20,
  freemem: () => Math.max(0, hooks.heapStatistics().limit - hooks.heapStatistics().heapUsed),
  cpus: () => [{ model: 'sandbox', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
  availableParallelism: () => 1,
  networkInterfaces: () => ({}),
  userInfo: () => ({ username: 'sandbox', uid: 1000, gid: 1000, shell: null, homedir: '/home/sandbox' }),
  constants: osConstants,
});
