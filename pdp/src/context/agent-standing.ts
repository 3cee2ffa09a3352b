/** The document of an agent's standing, as operators write it and as it is read: JSON, strict, small and closed. */

import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { z } from 'zod';
import type { AgentStanding } from './agent-store.js';

/** No document is larger, in bytes. */
export const MAX_STANDING_BYTES = 16 * 1024;

const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/** Reads and writes documents. */
export interface StandingCodec {
  /** @throws PortcullisError `corrupt`, which quotes nothing. */
  parse(bytes: Uint8Array): AgentStanding;
  /** @throws PortcullisError `invalid`. */
  print(standing: AgentStanding): string;
}

/** Builds the codec; build it once. */
export function createStandingCodec(): StandingCodec {
  const shape = z.strictObject({
    type: z.string().max(1_024).exactOptional(),
    trust_level: z.number().min(0).max(1).exactOptional(),
    attributes: z.record(z.string(), z.json()).exactOptional(),
  });
  const read = (bytes: Uint8Array): AgentStanding | undefined => {
    const json = parseStrictJson(bytes, { maxBytes: MAX_STANDING_BYTES });
    const checked = json.ok ? shape.safeParse(json.value) : undefined;
    return checked?.data;
  };
  return {
    parse: (bytes) => {
      const standing = read(bytes);
      if (standing === undefined) {
        throw new PortcullisError('ERR_CONTEXT_STANDING', 'corrupt', 'what is kept of an agent is no standing');
      }
      return standing;
    },
    print: (standing) => {
      const text = JSON.stringify(standing);
      if (read(Buffer.from(text)) === undefined) throw invalid('expected type, trust_level (0 to 1) and attributes');
      return text;
    },
  };
}

/** Whether both are names as certificates have them. Of an agent without such a name nothing can be said. */
export function isAgentName(tenant: string, agent: string): boolean {
  return NAME.test(tenant) && NAME.test(agent);
}

/** @throws PortcullisError `invalid` unless {@link isAgentName}. */
export function requireAgentName(tenant: string, agent: string): void {
  if (!isAgentName(tenant, agent)) throw invalid('a tenant or an agent has no such name');
}

function invalid(message: string): PortcullisError {
  return new PortcullisError('ERR_CONTEXT_INVALID', 'invalid', message);
}
