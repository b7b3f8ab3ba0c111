/**
 * What one job of a child may cost this process in reads, frames and bytes. A child that keeps to its protocol stays far below; one that
 * does not would keep the event loop of the daemon busy with frames that are each in order.
 */
import {
  CHILD_STDERR_FLOOD_BYTES,
  WIRE_BYTES_MAX,
  WIRE_FRAMES_MAX,
  WIRE_READ_BYTES_MIN,
  WIRE_READS_FREE,
} from '../limits.ts';
import { ProtocolError } from './protocol.ts';

export class WireBounds {
  #reads = 0;
  #frames = 0;
  #bytes = 0;
  #stderr = 0;

  /** A new job begins. What the process says on standard error counts for its whole life. */
  reset(): void {
    this.#reads = 0;
    this.#frames = 0;
    this.#bytes = 0;
  }

  /** @throws ProtocolError, as the others do. */
  read(bytes: number): void {
    this.#reads++;
    this.#bytes += bytes;
    if (this.#bytes > WIRE_BYTES_MAX) throw new ProtocolError('more bytes than one job may send');
    if (this.#reads > WIRE_READS_FREE + this.#frames + this.#bytes / WIRE_READ_BYTES_MIN)
      throw new ProtocolError('frames in crumbs');
  }

  frame(): void {
    if (++this.#frames > WIRE_FRAMES_MAX) throw new ProtocolError('more frames than one job may send');
  }

  stderr(bytes: number): void {
    this.#stderr += bytes;
    if (this.#stderr > CHILD_STDERR_FLOOD_BYTES) throw new ProtocolError('a flood on standard error');
  }
}
