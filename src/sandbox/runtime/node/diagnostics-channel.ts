/** node:diagnostics_channel: channels that work; nobody outside the isolate listens. */
import { TracingChannel } from './tracing-channel.ts';
import { Channel } from './channel.ts';
import { unsupported } from './unsupported.ts';

type Name = string | symbol;
type Subscriber = (message: unknown, name: Name) => void;

const channels = new Map<Name, Channel>();

function channel(name: Name): Channel {
  let found = channels.get(name);
  if (found === undefined) channels.set(name, (found = new Channel(name)));
  return found;
}

export const diagnosticsChannel = unsupported('diagnostics_channel', {
  channel,
  Channel,
  hasSubscribers: (name: Name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name: Name, subscriber: Subscriber) => channel(name).subscribe(subscriber),
  unsubscribe: (name: Name, subscriber: Subscriber) => channel(name).unsubscribe(subscriber),
  tracingChannel: (nameOrChannels: string | Record<string, Channel>) =>
    new TracingChannel(
      typeof nameOrChannels === 'string'
        ? (event) => channel(`tracing:${nameOrChannels}:${event}`)
        : (event) => nameOrChannels[event]!,
    ),
});
