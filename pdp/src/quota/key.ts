/** The name of one attempt in the accounts. */

import { createHash } from 'node:crypto';
import type { PeerIdentity } from '@portcullis/proto';

/**
 * The digest covers the request's id, so a retry and a hedge have the key of the first question; the caller is a part of
 * it, so nobody settles what somebody else reserved.
 */
export function reservationKey(caller: PeerIdentity, requestDigestHex: string): string {
  const who = caller.kind === 'agent' ? [caller.kind, caller.tenant, caller.agent] : [caller.kind, caller.name];
  return createHash('sha256')
    .update(JSON.stringify([...who, requestDigestHex]))
    .digest('hex');
}
