/**
 * Walks the way of a message up to the question, and that of a refusal back, before the port is announced: the agent's
 * first call then finds code that has run before. Nothing is asked, counted, logged or sent.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { createLogger } from '@portcullis/runtime';
import { createRefuser } from './enforce/refuse.js';
import { readMirrors } from './intercept/mcp/headers.js';
import { readMessage } from './intercept/mcp/message.js';
import { type AttemptMaker, isAttempt } from './intercept/mcp/to-attempt.js';
import { refusalError } from './intercept/mcp/to-response.js';

const VERSION = '2025-11-25';
const HEADERS: ReadonlyMap<string, string> = new Map([['mcp-protocol-version', VERSION]]);
const CALL = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'rehearsal', arguments: { path: '/', limit: 1, nested: { list: [true, null, 'a'] } } },
  }),
);
const ROUNDS = 8;

/**
 * Takes a few milliseconds.
 * @returns a request of the usual kind, for rehearsing what comes after it.
 */
export function rehearse(attempts: AttemptMaker): CanonicalRequest | undefined {
  const refuser = createRefuser({
    source: 'mcp_proxy',
    log: createLogger({ component: 'rehearsal', level: 'silent' }),
    observer: { refused: () => undefined, failedClosed: () => undefined },
    records: { refused: () => undefined },
  });
  let request: CanonicalRequest | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const read = readMessage(CALL);
    if (!read.ok || read.message.kind !== 'request') continue;
    readMirrors(HEADERS, read.message, VERSION);
    const made = attempts.fromMessage(read.message, {
      server: 'rehearsal',
      direction: 'client_to_server',
      era: 'legacy',
      protocolVersion: VERSION,
      sessionId: undefined,
      behalf: {},
    });
    if (isAttempt(made)) ({ request } = made);
    refusalError(read.message.id, refuser.refuse('PDP_UNAVAILABLE', { note: 'rehearsal', path: 'platform/rehearsal' }));
  }
  return request;
}
