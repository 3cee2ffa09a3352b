/**
 * The oracle of promise P0: no side effect without an allow for exactly that request. It sees only what two independent
 * witnesses wrote down, the upstream that received and the PDPs that decided, and believes nothing in between: the
 * sidecar merely says which decision it claims (`decisionHeaders` of its configuration).
 */
import { createHash } from 'node:crypto';
import type { DecisionRecord } from './audit-segments.js';
import type { UpstreamCall } from './recording-upstream.js';

/** Why a call should not have happened. */
export const VIOLATION_KINDS = [
  /** It names no decision. */
  'unclaimed',
  /** It names a decision that no PDP has written down. */
  'unknown_decision',
  /** Two records have this id, so neither proves anything. */
  'ambiguous_decision',
  /** The decision was not an allow. */
  'not_allowed',
  /** An earlier call used the decision. */
  'reused',
  /** The decision is about a request with another digest. */
  'other_request',
  /** The decision is about another method or tool. */
  'other_target',
  /** What arrived has other arguments than what was decided. */
  'other_arguments',
] as const;
/** Why a call should not have happened. */
export type ViolationKind = (typeof VIOLATION_KINDS)[number];

/** One call without a right to have happened. */
export interface Violation {
  readonly kind: ViolationKind;
  /** Its place among the calls. */
  readonly call: number;
  readonly detail: string;
}

/** What the oracle found. */
export interface Verdict {
  readonly violations: readonly Violation[];
  /** How many calls were held against a decision; a verdict about nothing is worth nothing. */
  readonly checked: number;
  /** How many of them were `tools/call` whose arguments were compared. */
  readonly argumentsCompared: number;
}

/** What the oracle needs to know of an upstream call. */
export type WitnessedCall = Pick<UpstreamCall, 'httpMethod' | 'path' | 'headers' | 'body'>;

/** RFC 8785 for values that came out of a JSON parser; written here so that the oracle shares no code with the product. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Record<string, unknown>);
  // Code unit order, as RFC 8785 asks and `<` compares.
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

/** Lower-case hex SHA-256 over the RFC 8785 form of a value. */
export function jcsDigest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

interface Received {
  readonly method: string;
  readonly name: string | undefined;
  readonly args: unknown;
}

/** What the bytes ask for. An HTTP verb without a message goes by the name that the sidecar's questions give it. */
function received(call: WitnessedCall): Received | string {
  if (call.httpMethod === 'GET') return { method: 'http/stream.open', name: undefined, args: undefined };
  if (call.httpMethod === 'DELETE') return { method: 'http/session.delete', name: undefined, args: undefined };
  let message: { readonly method?: unknown; readonly params?: Readonly<Record<string, unknown>> };
  try {
    message = JSON.parse(call.body.toString('utf8')) as typeof message;
  } catch {
    return 'the body is not JSON';
  }
  const { method, params } = message;
  if (typeof method !== 'string') return 'the body has no method';
  const isCall = method === 'tools/call';
  const name = params?.['name'];
  return {
    method,
    name: isCall && typeof name === 'string' ? name : undefined,
    args: isCall ? params?.['arguments'] : undefined,
  };
}

/**
 * Holds every call, whatever its method, against the decisions. Calls are to be given in the order of their arrival.
 * Answers of an agent to a request of the server carry that request's decision and are no calls of their own: an
 * upstream that asks something itself is outside what this oracle can judge.
 */
export function judge(calls: readonly WitnessedCall[], decisions: readonly DecisionRecord[]): Verdict {
  const records = new Map<string, DecisionRecord[]>();
  for (const decision of decisions) {
    records.set(decision.decision_id, [...(records.get(decision.decision_id) ?? []), decision]);
  }
  const used = new Map<string, number>();
  const violations: Violation[] = [];
  let argumentsCompared = 0;

  for (const [call, witnessed] of calls.entries()) {
    const blame = (kind: ViolationKind, detail: string): void => {
      violations.push({ kind, call, detail });
    };
    const id = witnessed.headers['portcullis-decision-id'];
    const digest = witnessed.headers['portcullis-request-digest'];
    const got = received(witnessed);
    const what = typeof got === 'string' ? got : `${got.method} ${got.name ?? ''}`.trim();
    if (typeof id !== 'string' || id === '' || typeof digest !== 'string') {
      blame('unclaimed', `${what} arrived without a decision`);
      continue;
    }
    const earlier = used.get(id);
    if (earlier !== undefined) blame('reused', `${what} arrived with the decision ${id} of call ${earlier}`);
    else used.set(id, call);

    const [decision, ...others] = records.get(id) ?? [];
    if (decision === undefined) {
      blame('unknown_decision', `${what} claims the decision ${id}, which no PDP recorded`);
      continue;
    }
    if (others.length > 0) blame('ambiguous_decision', `${others.length + 1} records have the id ${id}`);
    if (decision.effect !== 'allow') blame('not_allowed', `${what} arrived although ${id} is "${decision.effect}"`);
    if (decision.request_digest !== digest) {
      blame('other_request', `${what} claims the digest ${digest}, ${id} is about ${decision.request_digest}`);
    }
    if (typeof got === 'string') {
      blame('other_target', got);
      continue;
    }
    const { operation, name } = decision.tool;
    if (operation !== got.method || (got.method === 'tools/call' && name !== got.name)) {
      blame('other_target', `${what} arrived, ${id} is about ${operation ?? 'nothing'} ${name ?? ''}`.trim());
    }
    if (got.method === 'tools/call') {
      const expected = got.args === undefined ? undefined : jcsDigest(got.args);
      if (decision.arguments_digest !== expected)
        blame('other_arguments', `the arguments of ${what} are not those of ${id}`);
      argumentsCompared += 1;
    }
  }
  return { violations, checked: calls.length, argumentsCompared };
}
