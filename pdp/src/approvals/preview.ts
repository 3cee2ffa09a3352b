/** What a standing grant would have covered in the past, told from decision records: what they cannot tell is said. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { PastDecisions, PastEnd, PastReach } from './past-decisions.js';
import type { Approval, Need, NewGrant } from './port.js';
import { covers } from './states.js';

/** How attempts ended that people were asked about. */
export interface EndedAttempts {
  /** Somebody would have had to agree; with the grant nobody. */
  readonly held: number;
  /** The grant answers the rules that asked; what denied besides may deny with it as well. */
  readonly denied: number;
  /** Somebody had agreed, or another grant covered it. */
  readonly allowed: number;
}

/** One attempt of the past. */
export interface PastExample {
  readonly decisionId: string;
  readonly at: string;
  readonly ended: keyof EndedAttempts;
  /** Whether the grant certainly covers it; otherwise its record does not tell. */
  readonly isCertain: boolean;
  readonly deny: readonly string[];
  readonly releaseSeq: number;
}

/** What a record cannot tell of a grant's terms; closed. */
export const UNCHECKED_TERMS = ['arguments', 'budget', 'unbound'] as const;
/** A term that a record cannot tell. */
export type UncheckedTerm = (typeof UNCHECKED_TERMS)[number];

/** The preview of one grant. */
export interface GrantPreview {
  readonly draft: NewGrant;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  readonly reach: PastReach;
  readonly unchecked: readonly UncheckedTerm[];
  /** Certainly covered. */
  readonly covered: EndedAttempts;
  /** Perhaps covered; none of them is among the others. */
  readonly possible: EndedAttempts;
  /** By day (UTC, `2026-11-22`), the newest first; days without any are left out. */
  readonly days: readonly { readonly day: string; readonly covered: EndedAttempts; readonly possible: EndedAttempts }[];
  /** The newest, of those that are certain before the others. */
  readonly examples: readonly PastExample[];
}

/** How far back a preview looks, in milliseconds. */
export const PREVIEW_MS = 7 * 24 * 60 * 60 * 1_000;
const MAX_EXAMPLES = 10;
const DAY = 'YYYY-MM-DD'.length;

type Fit = 'certain' | 'possible';
type Tally = { -readonly [Ended in keyof EndedAttempts]: EndedAttempts[Ended] };

/** Looks back for one draft, made of that approval. */
export async function previewGrant(
  past: PastDecisions,
  draft: NewGrant,
  approval: Approval,
  now: number,
): Promise<GrantPreview> {
  const covered = nothing();
  const possible = nothing();
  const days = new Map<string, { readonly covered: Tally; readonly possible: Tally }>();
  const examples: Record<Fit, PastExample[]> = { certain: [], possible: [] };
  const unchecked = new Set<UncheckedTerm>();
  const since = now - PREVIEW_MS;
  const reach = await past.look({ tenant: draft.tenant, agent: draft.agent, since }, (record) => {
    const ended = endedOf(record);
    const found = ended === undefined ? undefined : fitOf(record, draft, approval);
    if (ended === undefined || found === undefined) return;
    for (const term of found.unchecked) unchecked.add(term);
    const at = textOf(record['at']);
    const day = at.slice(0, DAY);
    const ofDay = days.get(day) ?? { covered: nothing(), possible: nothing() };
    days.set(day, ofDay);
    const [total, daily] = found.fit === 'certain' ? [covered, ofDay.covered] : [possible, ofDay.possible];
    total[ended] += 1;
    daily[ended] += 1;
    if (examples[found.fit].length >= MAX_EXAMPLES) return;
    examples[found.fit].push({
      decisionId: textOf(record['decision_id']),
      at,
      ended,
      isCertain: found.fit === 'certain',
      deny: Array.isArray(record['deny']) ? record['deny'].map(textOf) : [],
      releaseSeq: Number(record['release_seq']),
    });
  });
  return {
    draft,
    since,
    until: now,
    reach,
    unchecked: UNCHECKED_TERMS.filter((term) => unchecked.has(term)),
    covered,
    possible,
    days: [...days].map(([day, counts]) => ({ day, ...counts })).toSorted((a, b) => (a.day < b.day ? 1 : -1)),
    examples: [...examples.certain, ...examples.possible].slice(0, MAX_EXAMPLES),
  };
}

/** Whether nothing older than what was looked at could belong into a preview. */
export function isComplete(end: PastEnd): boolean {
  return end === 'reached' || end === 'beginning';
}

interface Found {
  readonly fit: Fit;
  readonly unchecked: readonly UncheckedTerm[];
}

/** Whether the grant would have covered it, as far as its record tells. */
function fitOf(record: JsonObject, draft: NewGrant, approval: Approval): Found | undefined {
  const held = record['held'];
  if (!isObject(held)) return unbound(record, approval) ? { fit: 'possible', unchecked: ['unbound'] } : undefined;
  if (held['target'] !== draft.target || held['definition'] !== draft.definition) return undefined;
  const needs = Array.isArray(held['needs']) ? (held['needs'] as unknown as readonly Need[]) : undefined;
  if (needs === undefined || !covers(draft.needs, needs)) return undefined;
  // The same binding is the same request, arguments and amount included.
  if (held['binding'] === approval.binding) return { fit: 'certain', unchecked: [] };
  if (draft.vary.length === 0) return undefined;
  return { fit: 'possible', unchecked: draft.budget === undefined ? ['arguments'] : ['arguments', 'budget'] };
}

/** A hold of the agent for the same tool, of a time when records did not say what a hold is bound to. */
function unbound({ effect, tool }: JsonObject, { about }: Approval): boolean {
  if (effect !== 'hold' || !isObject(tool)) return false;
  return ['server', 'operation'].every((part) => tool[part] === about[part]) && tool['name'] === about['tool'];
}

function endedOf({ effect }: JsonObject): keyof EndedAttempts | undefined {
  if (effect === 'hold') return 'held';
  return effect === 'deny' ? 'denied' : effect === 'allow' ? 'allowed' : undefined;
}

function nothing(): Tally {
  return { held: 0, denied: 0, allowed: 0 };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
