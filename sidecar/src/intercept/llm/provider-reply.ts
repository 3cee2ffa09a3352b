/** What of a provider's reply passes as it is: some headers, and its errors. */

import type { JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import type { UpstreamReply } from '../http/upstream.js';
import { type ApiError, upstreamError } from './errors.js';
import { isObject } from './json-values.js';

/** Names of a request at the provider, and how much of it is left. */
const PASS = /^(x-request-id|request-id|retry-after|retry-after-ms|x-ratelimit-[a-z-]+|anthropic-ratelimit-[a-z-]+)$/;
const MAX_ERROR_BYTES = 65_536;

/** The headers that pass. */
export function passedHeaders({ headers }: UpstreamReply): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => PASS.test(name)));
}

/** The type without its parameters, lower case. */
export function mediaType({ headers }: UpstreamReply): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Why the reply is none that can be read; nothing when it can. */
export function unusable(reply: UpstreamReply): ApiError | undefined {
  // The credentials are ours, so is the trouble with them; what the provider says of them is not for the agent.
  if (reply.status === 401 || reply.status === 403 || reply.status === 407)
    return upstreamError("it does not accept this sidecar's credentials");
  if (reply.status >= 300 && reply.status < 400) return upstreamError('it redirects');
  if ((reply.headers.get('content-encoding') ?? 'identity') !== 'identity')
    return upstreamError('its answer is compressed');
  if (reply.status < 200) return upstreamError('its answer is none');
  return undefined;
}

/** That there was an error, without its words. */
export function errorOfStatus(status: number): ApiError {
  return upstreamError(`it answered with status ${status}`, status);
}

/** The provider's own error: its body when it is JSON of a sensible size. */
export async function errorOfProvider(reply: UpstreamReply, timeoutMs: number): Promise<JsonObject | ApiError> {
  const failed = errorOfStatus(reply.status);
  if (mediaType(reply) !== 'application/json') {
    reply.body.destroy();
    return failed;
  }
  const collected = await reply.collect({ maxBytes: MAX_ERROR_BYTES, timeoutMs });
  if (collected.kind !== 'all') reply.body.destroy();
  const read = collected.kind === 'all' ? parseStrictJson(collected.bytes) : undefined;
  return read?.ok === true && isObject(read.value) ? read.value : failed;
}
