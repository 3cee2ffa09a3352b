/** Bodies: JSON by its media type, strict, and an object. */

import type { JsonObject } from '@portcullis/policy/model';
import { type Json, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidRequest } from './problems.js';

/** `application/json`, alone or in UTF-8. */
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i;

/** Takes every body as bytes; what they are is for {@link requireJson} and {@link readJsonObject} to say. */
export function takeBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
}

/**
 * Looks at the head alone, before the body is read.
 * @param status 415, or 400 where a specification wants that.
 * @throws PortcullisError when the body is not said to be plain JSON.
 */
export function requireJson(request: FastifyRequest, status: 400 | 415): void {
  const type = request.headers['content-type'];
  const encoding = request.headers['content-encoding'];
  if (type !== undefined && JSON_TYPE.test(type) && (encoding === undefined || encoding === 'identity')) return;
  const message = 'expected content-type application/json, in UTF-8 and not compressed';
  if (status === 400) throw invalidRequest(message);
  throw new PortcullisError('ERR_HTTP_MEDIA_TYPE', 'invalid', message);
}

/** The body as an object. @throws PortcullisError kind `invalid`: empty, not strict JSON, or not an object. */
export function readJsonObject(body: unknown, maxBytes: number): JsonObject {
  if (!Buffer.isBuffer(body) || body.byteLength === 0)
    throw invalidRequest('the body is empty, expected a JSON object');
  const json = parseStrictJson(body, { maxBytes });
  if (!json.ok) {
    throw new PortcullisError('ERR_REQUEST_JSON', 'invalid', `the body is not strict JSON: ${json.reason}`, {
      details: { problems: [{ code: 'ERR_REQUEST_JSON', message: json.reason, path: `byte ${json.offset}` }] },
    });
  }
  if (!isObject(json.value)) throw invalidRequest('the body is not a JSON object');
  return json.value;
}

/** Whether a value is an object, not a list and not null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
