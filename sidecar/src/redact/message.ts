/** Redaction of one MCP message as bytes. */

import type { Permit } from '../enforce/permit.js';

/**
 * A message of a server as an agent may have it under a permit: the same bytes when nothing is to be redacted or nothing was found.
 * Rejects when it cannot be redacted, or is no JSON in UTF-8: then nobody may have it
 */
export async function redactMessage({ redaction }: Pick<Permit, 'redaction'>, bytes: Buffer): Promise<Buffer> {
  if (redaction === undefined || bytes.length === 0) return bytes;
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  JSON.parse(text);
  const redacted = await redaction.response(text);
  return redacted === text ? bytes : Buffer.from(redacted);
}
