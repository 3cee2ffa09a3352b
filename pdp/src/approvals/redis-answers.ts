/** What the scripts answer, read back. Whatever is not exactly what they write is not believed. */

import type { JsonObject } from '@portcullis/policy/model';
import { z } from 'zod';
import { APPROVAL_STATES, type Approval, type Grant, type Presentation, VOID_REASONS, type Vote } from './port.js';
import { shownState } from './states.js';

const count = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);
const json = z.string().transform((text) => JSON.parse(text) as unknown);
const object = json.pipe(z.record(z.string(), z.unknown())).transform((value) => value as JsonObject);
const need = z.strictObject({
  hold: z.string(),
  type: z.enum(['require_approval', 'require_hitl']),
  who: z.string(),
  quorum: z.int().min(1),
});
const needs = z.array(need).min(1);

const approvalFields = z.object({
  id: z.string(),
  binding: z.string(),
  tenant: z.string(),
  agent: z.string(),
  state: z.enum(APPROVAL_STATES),
  bundle: z.string(),
  seq: count,
  definition: z.string(),
  needs: json.pipe(needs),
  about: object,
  created: count,
  expires: count,
  why: z.string(),
  // Questions of PDPs that did not know it yet fit their own bundle only.
  basis: z.string().default(''),
});
const vote = json.pipe(z.tuple([z.enum(['approve', 'deny']), json.pipe(z.array(z.string())), z.string(), count]));

const grantDocument = z.object({
  id: z.string(),
  tenant: z.string(),
  agent: z.string(),
  target: z.string(),
  needs,
  bundle: z.string(),
  releaseSeq: z.int(),
  definition: z.string(),
  arguments: z.record(z.string(), z.string()),
  vary: z.array(z.string()),
  count: z.int().min(1),
  budget: z.object({ argument: z.string(), micros: z.int().min(0) }).optional(),
  createdBy: z.string(),
  approval: z.string(),
  about: z.record(z.string(), z.unknown()).transform((value) => value as JsonObject),
});
const grantFields = z.object({
  doc: json.pipe(grantDocument),
  state: z.enum(['active', 'revoked']),
  used: count,
  spent: count,
  created: count,
  expires: count,
});

/** For an answer that no script gives. */
export function unreadable(): TypeError {
  return new TypeError('the store gave an answer that is none of ours');
}

/** @throws Error when it is none. */
export function readApproval(fields: readonly unknown[], now: unknown): Approval {
  const hash = hashOf(fields);
  const { seq, created, expires, state, ...rest } = approvalFields.parse(Object.fromEntries(hash));
  const votes = [...hash]
    .filter(([name]) => name.startsWith('v:'))
    .map(([name, text]): Vote => {
      const [says, holds, comment, at] = vote.parse(text);
      return { person: name.slice(2), says, holds, comment, at };
    })
    .toSorted((a, b) => a.at - b.at || (a.person < b.person ? -1 : 1));
  const shown = shownState({ state, expiresAt: expires }, count.parse(now));
  return { ...rest, releaseSeq: seq, createdAt: created, expiresAt: expires, state: shown, votes };
}

/** @throws Error when it is none. */
export function readGrant(fields: readonly unknown[], now: unknown): Grant {
  const { doc, state, used, spent, created, expires } = grantFields.parse(Object.fromEntries(hashOf(fields)));
  const { budget, ...rest } = doc;
  return {
    ...rest,
    ...(budget === undefined ? {} : { budget }),
    createdAt: created,
    expiresAt: expires,
    used,
    spentMicros: spent,
    state: state === 'active' && expires <= count.parse(now) ? 'expired' : state,
  };
}

/** @throws Error when it is none. */
export function readPresentation(answer: unknown): Presentation {
  if (!Array.isArray(answer)) throw unreadable();
  const [outcome, first, second, isNew, now, ...fields] = answer as readonly unknown[];
  if (outcome === 'unknown' && (first === 'full' || first === 'behind')) return { outcome, cause: first };
  if (outcome === 'answered' && typeof first === 'string' && first !== '') return { outcome, id: first };
  const approval = readApproval(fields, now);
  if (outcome === 'consumed' || outcome === 'refused') return { outcome, approval };
  if (outcome !== 'pending') throw unreadable();
  const reason = VOID_REASONS.find((one) => one === second);
  const voided = typeof first === 'string' && first !== '' && reason !== undefined ? { id: first, reason } : undefined;
  return { outcome, approval, isNew: isNew === '1', voided };
}

function hashOf(fields: readonly unknown[]): ReadonlyMap<string, string> {
  const hash = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) hash.set(String(fields[i]), String(fields[i + 1]));
  return hash;
}
