/** Bodies are taken as bytes; JSON goes through the strict parser, anything unexpected is refused by its type. */

import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { FastifyInstance } from 'fastify';

/** A release: base64 of three metadata files and a pointer. */
export const MAX_RELEASE_BODY_BYTES = 16 * 1024 * 1024;
/** The type of raw bytes. */
export const OCTETS = 'application/octet-stream';

/** Admits JSON, gzip and raw bytes, and no other type. */
export function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
    const json = parseStrictJson(body, { maxBytes: MAX_RELEASE_BODY_BYTES });
    if (json.ok) return json.value;
    throw new PortcullisError('ERR_ADMIN_INVALID', 'invalid', `the body is not strict JSON: ${json.reason}`, {
      details: { problems: [{ code: 'ERR_ADMIN_JSON', message: json.reason, path: `byte ${json.offset}` }] },
    });
  });
  for (const type of ['application/gzip', OCTETS]) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
  }
}

/** The body as bytes. @throws PortcullisError `ERR_ADMIN_INVALID` when there is none. */
export function bytesOf(body: unknown): Uint8Array {
  if (Buffer.isBuffer(body)) return new Uint8Array(body);
  throw new PortcullisError('ERR_ADMIN_INVALID', 'invalid', 'the request has no body');
}
