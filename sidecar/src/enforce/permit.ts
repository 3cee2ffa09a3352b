/**
 * The witness that a PDP allowed exactly this attempt. Whatever sends bytes upstream takes a {@link Permit}, and only
 * {@link mintPermit} makes one, so "forward without being allowed" does not compile (architecture.md, "The flow").
 */

import { type CanonicalRequest, DECIDE_OUTPUT, type Decision } from '@portcullis/policy/model';
import type { Redaction } from '../redact/redactor.js';
import { LEAST_ORDER, type ResultOrder, resultOrder } from './result-order.js';

declare const minted: unique symbol;

/** Proof of an allow. Frozen; made in one place; carries the bytes it was given for, so that no others can be sent. */
export interface Permit {
  readonly [minted]: true;
  readonly decision_id: string;
  /** Lower-case hex SHA-256 of the canonical request. */
  readonly request_digest: string;
  /** The upstream server it is good for; an upstream refuses the permit of another. */
  readonly server: string;
  /** Who speaks in the permitted message. */
  readonly direction: Direction;
  /** The message, re-serialised from exactly what was evaluated, and redacted if the decision says so; absent where the attempt has no body. */
  readonly payload: string | undefined;
  /** The session that the request named. */
  readonly session_id: string | undefined;
  /** What has to be reported of the result before anybody gets it; see `report.ts`. */
  readonly report: ResultOrder | undefined;
  /** What has to be redacted of the answer before anybody gets it; of the payload it has been already. */
  readonly redaction: Redaction | undefined;
  /** What was allowed only with them. The guard has made sure that somebody here carries each of them out. */
  readonly conditions: Decision['conditions'];
  /** Whether what a model answers has to be asked about before anybody gets it. */
  readonly decides_output: boolean;
}

/** Who speaks to whom. */
export type Direction = 'client_to_server' | 'server_to_client';

/** What is being permitted, besides the decision. */
export interface PermitSubject {
  readonly request: CanonicalRequest;
  /** The digest computed here, over `request`. */
  readonly digest: string;
  readonly server: string;
  readonly direction: Direction;
  readonly payload: string | undefined;
  readonly redaction?: Redaction | undefined;
}

/** What is left of a permit that was used: enough to settle and report by. No upstream takes it. */
export type UsedPermit = Omit<Permit, typeof minted | 'payload'>;

/** Without the message, which may be large, for as long as its answer takes. */
export function usedPermit(permit: Permit): UsedPermit {
  const { payload: _payload, ...used } = permit;
  return used;
}

// A type can be cast away, membership of this set cannot. It holds no state of ours: entries die with their permits.
const genuine = new WeakSet<object>();

/**
 * Makes a permit, or nothing. Nothing unless the decision allows in every one of the ways it says so, names no denial,
 * has an id, and is about `subject.request`.
 */
export function mintPermit(decision: Decision, subject: PermitSubject): Permit | undefined {
  const allows = decision.allow && decision.effect === 'allow' && decision.deny.length === 0;
  const aboutThis = subject.digest.length === 64 && decision.request_digest === subject.digest;
  if (!allows || !aboutThis || decision.decision_id === '') return undefined;
  const order = resultOrder(decision);
  // The guard refuses such a decision; if it did not, nothing would be given to anybody unreported.
  const report = order === 'unusable' ? LEAST_ORDER : order;
  const permit = Object.freeze({
    decision_id: decision.decision_id,
    request_digest: subject.digest,
    server: subject.server,
    direction: subject.direction,
    payload: subject.payload,
    session_id: subject.request.context.session_id,
    report,
    redaction: subject.redaction,
    conditions: decision.conditions,
    decides_output: decision.obligations.some(({ type }) => type === DECIDE_OUTPUT),
  }) as Permit;
  genuine.add(permit);
  return permit;
}

/** Whether the value was made by {@link mintPermit}; a copy or a cast is not. */
export function isPermit(value: object): value is Permit {
  return genuine.has(value);
}

/**
 * The last check before bytes leave: genuine, for this server, in this direction.
 * @throws TypeError otherwise; a defect of ours, which the caller's funnel turns into a refusal.
 */
export function requirePermit(permit: Permit, server: string, direction: Direction): void {
  if (!isPermit(permit)) throw new TypeError('not a permit');
  if (permit.server !== server) throw new TypeError('the permit is for another server');
  if (permit.direction !== direction) throw new TypeError('the permit is for the other direction');
}
