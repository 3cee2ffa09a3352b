/** Bodies as they are redacted: decompressed, in whole characters. */

import { type Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { createTextStream, type RedactionRules } from '@portcullis/policy/content';

const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;

/**
 * The body without its `content-encoding`, which the caller then leaves out of the head. Destroys itself beyond `maxBytes`, so that
 * a small body cannot become an endless one.
 * @throws RangeError for an encoding that is not known, or several at once
 */
export function decompressed(body: Readable, encoding: string, maxBytes: number): Readable {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return body;
  const create = Object.hasOwn(DECODERS, name) ? DECODERS[name as keyof typeof DECODERS] : undefined;
  if (create === undefined) throw new RangeError('a content encoding that cannot be searched');
  const decoder = create();
  let size = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      done(size > maxBytes ? new RangeError('the body is larger than allowed') : null, chunk);
    },
  });
  body.once('error', (error) => decoder.destroy(error));
  decoder.once('error', (error) => limited.destroy(error));
  limited.once('close', () => {
    decoder.destroy();
    body.destroy();
  });
  return body.pipe(decoder).pipe(limited);
}

/** Redacts plain text in UTF-8 as it flows. Bytes that are no UTF-8 end it: what cannot be read cannot be searched. */
export function redactingText(rules: RedactionRules): Transform {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const stream = createTextStream(rules);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      give(() => stream.push(decoder.decode(chunk, { stream: true })), done);
    },
    flush(done) {
      give(() => stream.push(decoder.decode()) + stream.end(), done);
    },
  });
}

function give(read: () => string, done: (error: Error | null, text?: string) => void): void {
  let text: string;
  try {
    text = read();
  } catch (thrown) {
    done(thrown instanceof Error ? thrown : new TypeError('not UTF-8'));
    return;
  }
  done(null, text);
}
