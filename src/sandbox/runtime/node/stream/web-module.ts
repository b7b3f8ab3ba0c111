/** node:stream/web. */
import {
  CompressionStream,
  DecompressionStream,
  TextDecoderStream,
  TextEncoderStream,
} from '../../fetch/transform-streams.ts';
import { webStreams } from '../../fetch/web-streams.ts';
import { unsupported } from '../unsupported.ts';

export const streamWeb = unsupported('stream/web', {
  ...webStreams(),
  TextEncoderStream,
  TextDecoderStream,
  CompressionStream,
  DecompressionStream,
});
