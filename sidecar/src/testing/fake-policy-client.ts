/** A policy client for tests: decides by a function, records what it was asked, and misbehaves on demand. */

import type { CanonicalRequest, Condition, Decision, DenyReason, Obligation } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import type { Answer, AskFailureCode, PolicyClient, RefusedAttempt, ResultReport, Settlement } from '../ask/port.js';

/** What the fake does with a question. */
export type Behaviour = (request: CanonicalRequest) => Answer | Promise<Answer>;

/** The fake, and what it saw. */
export interface FakePolicyClient extends PolicyClient {
  behaviour: Behaviour;
  readonly asked: CanonicalRequest[];
  /** What it was only asked whether a kill stops it. */
  readonly rechecked: CanonicalRequest[];
  readonly settled: Settlement[];
  readonly reported: ResultReport[];
  /** Attempts that were put on record without a decision. */
  readonly unasked: RefusedAttempt[];
  /** What becomes of reports; taken by default. */
  taking: (report: ResultReport) => Promise<boolean>;
  /** Digests of the requests that were answered with an allow. */
  readonly allowed: Set<string>;
}

/** Makes a fake that allows everything until told otherwise. */
export function fakePolicyClient(behaviour: Behaviour = allow()): FakePolicyClient {
  const fake: FakePolicyClient = {
    behaviour,
    asked: [],
    rechecked: [],
    settled: [],
    reported: [],
    unasked: [],
    taking: async () => true,
    allowed: new Set(),
    ready: true,
    async ask(request) {
      fake.asked.push(request);
      const answer = await fake.behaviour(request);
      if (answer.kind === 'decision' && answer.decision.allow) fake.allowed.add(requestDigestHex(request));
      return answer;
    },
    async stops(request) {
      fake.rechecked.push(request);
      const answer = await fake.behaviour(request);
      const isStop = answer.kind === 'failure' || answer.decision.deny.some(({ code }) => code === 'KILL_SWITCH');
      return isStop ? answer : undefined;
    },
    settle(settlement) {
      fake.settled.push(settlement);
    },
    refused(attempt) {
      fake.unasked.push(attempt);
    },
    report(report) {
      fake.reported.push(report);
      return fake.taking(report);
    },
    async close() {},
  };
  return fake;
}

let serial = 0;

/** A decision about `request`; parts may be overridden to make it wrong. */
export function decisionOn(request: CanonicalRequest, parts: Partial<Decision> = {}): Decision {
  serial += 1;
  return {
    decision_id: `decision-${serial}`,
    allow: true,
    effect: 'allow',
    deny: [],
    conditions: [],
    obligations: [],
    cache: { ttl_seconds: 0, scope: '' },
    matched: [],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1.0.0',
      evaluation_ms: 0.1,
      bundle_digest: '0'.repeat(64),
      release_seq: 1,
      arm: 'stable',
      engine: 'fake',
      cached: false,
    },
    request_digest: requestDigestHex(request),
    ...parts,
  };
}

/** Allows, with these extras. */
export function allow(
  extras: { conditions?: readonly Condition[]; obligations?: readonly Obligation[] } = {},
): Behaviour {
  return (request) => ({ kind: 'decision', decision: decisionOn(request, extras) });
}

const REASON: DenyReason = {
  code: 'POLICY_DENIED',
  message: 'deleting is not allowed here',
  path: 'tenant/no-deletes',
  reason_code: 'NO_DELETES',
};

/** Denies with this reason. */
export function deny(reason: Partial<DenyReason> = {}): Behaviour {
  return (request) => ({
    kind: 'decision',
    decision: decisionOn(request, { allow: false, effect: 'deny', deny: [{ ...REASON, ...reason }] }),
  });
}

/** Holds for a human. */
export function hold(): Behaviour {
  const reason: DenyReason = { ...REASON, code: 'APPROVAL_REQUIRED', message: 'a person has to agree' };
  return (request) => ({
    kind: 'decision',
    decision: decisionOn(request, { allow: false, effect: 'hold', deny: [reason] }),
  });
}

/** Answers a decision with these parts wrong. */
export function wrongly(parts: Partial<Decision>): Behaviour {
  return (request) => ({ kind: 'decision', decision: decisionOn(request, parts) });
}

/** Fails. */
export function fail(code: AskFailureCode): Behaviour {
  return () => ({ kind: 'failure', failure: { code, message: 'made to fail' } });
}

/** Never answers. */
export function silence(): Behaviour {
  return () => new Promise<never>(() => undefined);
}

/** Allows unless the operation (and tool, when given) is the one to deny. */
export function denyOnly(operation: string, name?: string): Behaviour {
  return (request) => {
    const hit = request.tool?.operation === operation && (name === undefined || request.tool.name === name);
    return (hit ? deny() : allow())(request);
  };
}
