/** People who are asked about payments, as a sidecar sees them through a PDP. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { Answer } from '../ask/port.js';
import { decisionOn } from './fake-policy-client.js';

/** The fake, and what it saw. */
export interface FakePeople {
  /** Whether they say no from now on. */
  refused: boolean;
  /** Of questions that are asked from now on. */
  expiresInMs: number;
  /** Every payment that was asked about. */
  readonly asked: CanonicalRequest[];
  /** The approvals that were used up. */
  readonly used: string[];
  /** What is asked and not used up, by arguments. */
  readonly open: Map<string, { readonly id: string; approved: boolean; readonly expires_at: string }>;
  /** Agrees to all that is open. */
  approve(): void;
  readonly behaviour: (request: CanonicalRequest) => Answer;
}

/** Holds calls of the tool `pay`: one question for the same arguments, used up by the allow. */
export function fakePeople(): FakePeople {
  const open = new Map<string, { id: string; approved: boolean; expires_at: string }>();
  let ids = 0;
  const people: FakePeople = {
    refused: false,
    expiresInMs: 60_000,
    asked: [],
    used: [],
    open,
    approve(): void {
      for (const question of open.values()) question.approved = true;
    },
    behaviour(request: CanonicalRequest) {
      if (request.tool?.name !== 'pay') return { kind: 'decision', decision: decisionOn(request) };
      people.asked.push(request);
      const deny = (code: 'APPROVAL_REFUSED' | 'APPROVAL_REQUIRED', message: string) => [{ code, message, path: '' }];
      if (people.refused) {
        const refusal = {
          allow: false,
          effect: 'deny' as const,
          deny: deny('APPROVAL_REFUSED', 'refused by a person'),
        };
        return { kind: 'decision', decision: decisionOn(request, refusal) };
      }
      const binding = JSON.stringify(request.tool.arguments);
      const known = open.get(binding);
      if (known?.approved === true) {
        open.delete(binding);
        people.used.push(known.id);
        return { kind: 'decision', decision: decisionOn(request) };
      }
      ids += 1;
      const expires_at = new Date(Date.now() + people.expiresInMs).toISOString();
      const question = known ?? { id: `approval-${ids}`, approved: false, expires_at };
      open.set(binding, question);
      const value = {
        approval_id: question.id,
        role: 'treasurer',
        quorum: 1,
        state: 'pending',
        expires_at: question.expires_at,
      };
      const conditions = [{ type: 'require_approval' as const, value }];
      const held = { allow: false, effect: 'hold' as const, deny: deny('APPROVAL_REQUIRED', 'held'), conditions };
      return { kind: 'decision', decision: decisionOn(request, held) };
    },
  };
  return people;
}
