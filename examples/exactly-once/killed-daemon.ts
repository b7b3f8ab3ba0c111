/** A daemon that is killed with SIGKILL while it is at work, so that another one has to go on from where it was. */
import { ended, millrace, until } from '../millrace-command.ts';

/** Resolves when it is dead. Rejects when it ends by itself, or never comes to the point. */
export async function killedDaemon(url: string, isTime: () => Promise<boolean>): Promise<void> {
  const env = { REDIS_URL: url };
  const daemon = millrace(['start', '--http', 'off', '--log-level', 'error'], { example: 'exactly-once', env });
  try {
    await until(isTime, daemon, 'the daemon did not come to where it is killed');
  } finally {
    daemon.kill('SIGKILL');
    await ended(daemon);
  }
}
