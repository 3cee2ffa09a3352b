/**
 * One record of a PDP's own chain. A line is the RFC 8785 text of the record with one more member, `hash`, at its end:
 * the SHA-256 of that text. Whoever wants to check a line takes the member off again.
 */

import { hash as digest } from 'node:crypto';
import { isCanonicalText } from '../bundle/canonical-text.js';
import type { AttemptTarget } from '../model/attempt-target.js';
import type { DecisionEffect, DenyCode, GuardBasis, Layer, QuotaKind, RuleEffect } from '../model/decision.js';
import type { Json, JsonObject } from '../model/request.js';

/** What is written down about a decision. Digests and names, never arguments. */
export interface DecisionEntry {
  readonly decision_id: string;
  /** Lower-case hex SHA-256 of the canonical request. */
  readonly request_digest: string;
  readonly effect: DecisionEffect;
  readonly deny: readonly DenyCode[];
  readonly tenant: string;
  readonly agent: string;
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** What it would reach besides a tool; absent where it named nothing of the kind. */
  readonly target?: AttemptTarget;
  /** What it was found to be after; absent where nobody was asked to judge that. */
  readonly risk?: FoundRisk;
  /** Lower-case hex SHA-256 over the RFC 8785 form of `tool.arguments`; absent when the request has none. */
  readonly arguments_digest?: string;
  readonly bundle_digest: string;
  readonly policy_version: string;
  readonly release_seq: number;
  /** The rules that decided or contributed, as the decision names them. */
  readonly matched: readonly { readonly policy: string; readonly layer: Layer; readonly effect: RuleEffect }[];
  /** Whole microseconds: `evaluation` in all, and each stage that was reached. */
  readonly timings_us: { readonly evaluation: number; readonly [stage: string]: number };
  /** What the quotas that it met were asked for; absent when it met none. */
  readonly quotas?: readonly ExpectedDraw[];
  /** What an approval or a grant for it would have to match; absent where people were not to be asked. */
  readonly held?: HeldSubject;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** For an allow that a PEP gave itself out of a decision that it was allowed to keep, as it reports: that decision. */
  readonly reuse_of?: string;
}

/** What the risk stage came to. Names and a number: explanations and details may quote what an agent composed. */
export interface FoundRisk {
  /** `UNKNOWN`: it could not be assessed, and what reads it was an error. */
  readonly decision: 'ALLOW' | 'REVIEW' | 'BLOCK' | 'UNKNOWN';
  /** The whole: 0 to 1, or more where the caller reported more. Absent when it is unknown. */
  readonly score?: number;
  /** Types of signals, each once: the strongest first, the caller's own last. */
  readonly signals: readonly string[];
}

/** What people were asked about, as digests and names (ADR-0016). */
export interface HeldSubject {
  /** Lower-case hex SHA-256 of everything that an approval is bound to. */
  readonly binding: string;
  /** The same without the arguments: what requests of one standing grant have in common. */
  readonly target: string;
  /** The tool's pinned definition; empty where there is none. */
  readonly definition: string;
  /** What the rules asked for, sorted by `hold`. */
  readonly needs: readonly {
    readonly hold: string;
    readonly type: string;
    readonly who: string;
    readonly quorum: number;
  }[];
}

/** What one quota was asked to reserve. */
export interface ExpectedDraw {
  /** `<layer>/<set>/<slug>`. */
  readonly quota: string;
  readonly kind: QuotaKind;
  /** Units of the kind, in currency units for a cost; `null` where only the call itself will tell. */
  readonly expected: number | null;
  /** How it is known; absent where it is not, and the quota denied for it. */
  readonly basis?: GuardBasis;
  /** ISO 4217, of a cost. */
  readonly currency?: string;
}

/** What makes a record a link of a chain. */
export interface ChainLink {
  /** Unique among all records of all writers; a UUID. */
  readonly record_id: string;
  /** Who writes this chain; the origin of its checkpoints. */
  readonly writer: string;
  /** Counts from 1, without gaps. */
  readonly seq: number;
  /** The hash of the record before, {@link GENESIS} for the first. */
  readonly prev: string;
}

/** A record as it is sealed. */
export interface SealedRecord {
  /** The line, without its end. */
  readonly line: string;
  /** Lower-case hex SHA-256. */
  readonly hash: string;
}

/** A line that was read back. */
export type RecordReading =
  | { readonly ok: true; readonly link: ChainLink; readonly hash: string; readonly record: JsonObject }
  | { readonly ok: false; readonly why: 'unreadable' | 'altered'; readonly message: string };

/** The `prev` of the first record. */
export const GENESIS = '0'.repeat(64);

const SUFFIX = /,"hash":"([0-9a-f]{64})"\}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Seals a decision as the next link. Texts that are not well-formed Unicode have their lone surrogates replaced. */
export function sealDecision(entry: DecisionEntry, link: ChainLink): SealedRecord {
  const { name, operation, server } = entry.tool;
  // Every object has its keys in RFC 8785 order: then JSON.stringify gives the canonical text, several times faster.
  const text = JSON.stringify({
    agent: entry.agent,
    arguments_digest: entry.arguments_digest,
    at: entry.at,
    bundle_digest: entry.bundle_digest,
    decision_id: entry.decision_id,
    deny: entry.deny,
    effect: entry.effect,
    held: entry.held === undefined ? undefined : heldText(entry.held),
    kind: 'decision',
    matched: entry.matched.map(({ effect, layer, policy }) => ({ effect, layer, policy })),
    policy_version: entry.policy_version,
    prev: link.prev,
    quotas: entry.quotas?.map(({ basis, currency, expected, kind, quota }) => ({
      basis,
      currency,
      expected,
      kind,
      quota,
    })),
    record_id: link.record_id,
    release_seq: entry.release_seq,
    request_digest: entry.request_digest,
    reuse_of: entry.reuse_of,
    risk: entry.risk === undefined ? undefined : riskText(entry.risk),
    seq: link.seq,
    target: entry.target === undefined ? undefined : targetText(entry.target),
    tenant: entry.tenant,
    timings_us: sorted(entry.timings_us),
    tool: { name, operation, server },
    writer: link.writer,
  });
  return sealText(text);
}

function heldText({ binding, definition, needs, target }: HeldSubject): HeldSubject {
  const sorted = needs.map(({ hold, quorum, type, who }) => ({ hold, quorum, type, who }));
  return { binding, definition, needs: sorted, target };
}

function riskText({ decision, score, signals }: FoundRisk): { readonly [Name in keyof FoundRisk]: unknown } {
  return { decision, score, signals };
}

/** What is absent is not written: `JSON.stringify` leaves out what is undefined. */
export function targetText(target: AttemptTarget): { readonly [Name in keyof AttemptTarget]: unknown } {
  const { host, method, model, peer, port, provider, scheme, skill } = target;
  return { host, method, model, peer, port, provider, scheme, skill };
}

/** Seals the canonical text of a record, which holds its link already. */
export function sealText(record: string): SealedRecord {
  const text = record.includes('\\ud') ? wellFormed(record) : record;
  const hash = digest('sha256', text, 'hex');
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, hash };
}

function sorted(timings: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const names = Object.keys(timings);
  if (names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name)) return timings;
  const copy: Record<string, number> = {};
  for (const name of names.sort()) {
    const value = timings[name];
    if (value !== undefined) copy[name] = value;
  }
  return copy;
}

function wellFormed(text: string): string {
  return JSON.stringify(
    JSON.parse(text, (_key, value: Json) => (typeof value === 'string' ? value.toWellFormed() : value)),
  );
}

/** Reads a line back: whether it is a record at all, and whether its hash is that of its content. */
export function readRecord(line: string): RecordReading {
  const hash = SUFFIX.exec(line)?.[1];
  if (hash === undefined) return unreadable('it does not end in the hash of a record');
  const text = `${line.slice(0, -SUFFIX_LENGTH)}}`;
  let record: Json;
  try {
    record = JSON.parse(text) as Json;
  } catch {
    return unreadable('it is not JSON');
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return unreadable('it is not an object');
  const object = record as JsonObject;
  const link = linkOf(object);
  if (link === undefined) return unreadable('it lacks a sound seq, prev, record_id or writer');
  if (digest('sha256', text, 'hex') !== hash) {
    return { ok: false, why: 'altered', message: `record ${link.seq} does not have the hash that it carries` };
  }
  if (!isCanonical(object, text)) return unreadable(`record ${link.seq} is not in canonical form`);
  return { ok: true, link, hash, record: object };
}

const SUFFIX_LENGTH = ',"hash":""}'.length + 64;

function isCanonical(record: JsonObject, text: string): boolean {
  try {
    return isCanonicalText(record, text);
  } catch {
    return false;
  }
}

function linkOf(record: JsonObject): ChainLink | undefined {
  const { seq, prev, record_id, writer } = record;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof prev !== 'string' || !DIGEST.test(prev)) return undefined;
  if (typeof record_id !== 'string' || record_id === '' || typeof writer !== 'string' || writer === '')
    return undefined;
  return { seq, prev, record_id, writer };
}

function unreadable(message: string): RecordReading {
  return { ok: false, why: 'unreadable', message };
}
