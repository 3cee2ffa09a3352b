/**
 * Every way to be refused, in one table, and the only place where a failure becomes an answer (style §3.4).
 * Nothing here can produce an allow.
 */

import { type CanonicalRequest, type Decision, type DenyCode, FIELD, type Source } from '@portcullis/policy/model';
import { type FaultKind, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { AskFailure, RefusedTarget } from '../ask/port.js';
import { type Hold, holdOf } from './hold.js';
import { type RefusalRecords, targetOf } from './refused.js';

/**
 * JSON-RPC error codes of refusals. The MCP specification (2026-07-28, "Error Codes") keeps -32768..-32000 for JSON-RPC
 * and itself and gives applications the rest of the integers, so ours are outside; the last three digits recall HTTP.
 */
export const RPC_CODE = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  unsupportedProtocolVersion: -32022,
  /** A policy says no, or none says yes. */
  denied: -31403,
  /** A human has to agree first. */
  held: -31428,
  /** The upstream server failed or answered with something that is not an answer. */
  upstreamFailed: -31502,
  /** No decision could be had or enforced; refused for safety. May be tried again. */
  failedClosed: -31503,
} as const;

/** How a refusal counts: `denied` and `held` are policy, `invalid` is the caller's, `failed_closed` is ours to look at. */
export type RefusalOutcome = 'denied' | 'held' | 'invalid' | 'failed_closed';

/** A refused attempt, ready for any protocol. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly code: DenyCode;
  readonly message: string;
  readonly outcome: RefusalOutcome;
  readonly rpcCode: number;
  /** For messages that HTTP must answer by status because they have no JSON-RPC answer (notifications, GET, DELETE). */
  readonly httpStatus: number;
  readonly decision_id?: string;
  /** The policy author's own code. */
  readonly reason_code?: string;
  /** `<layer>/<policy>` or the offending part of the request. */
  readonly path?: string;
  /** For an attempt that is held: what it waits for. */
  readonly hold?: Hold;
}

interface Row {
  readonly outcome: RefusalOutcome;
  readonly rpcCode: number;
  readonly httpStatus: number;
  readonly message: string;
}

const denied = { outcome: 'denied', rpcCode: RPC_CODE.denied, httpStatus: 403 } as const;
const failedClosed = { outcome: 'failed_closed', rpcCode: RPC_CODE.failedClosed, httpStatus: 503 } as const;

/** THE table. A new code does not compile until it has its row. */
export const REFUSALS = {
  POLICY_DENIED: { ...denied, message: 'denied by policy' },
  APPROVAL_REQUIRED: {
    outcome: 'held',
    rpcCode: RPC_CODE.held,
    httpStatus: 403,
    message: 'held until a person approves',
  },
  NO_MATCHING_POLICY: { ...denied, message: 'no policy allows this' },
  POLICY_ERROR: { ...denied, message: 'a policy could not be evaluated' },
  QUOTA_EXCEEDED: { outcome: 'denied', rpcCode: RPC_CODE.denied, httpStatus: 429, message: 'a quota is used up' },
  APPROVAL_REFUSED: { ...denied, message: 'people were asked and did not allow this' },
  APPROVAL_UNAVAILABLE: { ...failedClosed, message: 'whether people agreed to this is not known' },
  QUOTA_UNAVAILABLE: { ...failedClosed, message: 'how much of a quota is left is not known' },
  KILL_SWITCH: { ...denied, message: 'stopped by the kill switch' },
  NO_VALID_BUNDLE: { ...failedClosed, message: 'the policy decision point has no valid policy bundle' },
  REQUEST_INVALID: {
    outcome: 'invalid',
    rpcCode: RPC_CODE.invalidRequest,
    httpStatus: 400,
    message: 'the request is not acceptable',
  },
  IDENTITY_REJECTED: { ...failedClosed, httpStatus: 403, message: "this sidecar's identity was rejected" },
  METHOD_UNKNOWN: { outcome: 'denied', rpcCode: RPC_CODE.methodNotFound, httpStatus: 404, message: 'unknown method' },
  TOOL_QUARANTINED: { ...denied, message: 'this tool is quarantined until somebody accepts its definition' },
  PDP_UNAVAILABLE: { ...failedClosed, message: 'no policy decision point could be asked' },
  PDP_TIMEOUT: { ...failedClosed, message: 'no policy decision point answered in time' },
  PDP_BREAKER_OPEN: { ...failedClosed, message: 'policy decision points failed recently and are not asked' },
  PDP_REPLY_INVALID: { ...failedClosed, message: 'the answer of the policy decision point was not about this request' },
  OBLIGATION_UNSUPPORTED: {
    ...failedClosed,
    message: 'the decision asks for something that this sidecar cannot enforce',
  },
  AUDIT_UNAVAILABLE: { ...failedClosed, message: 'the decision could not be recorded' },
  SHUTTING_DOWN: { ...failedClosed, message: 'shutting down' },
  INTERNAL_ERROR: {
    outcome: 'failed_closed',
    rpcCode: RPC_CODE.internalError,
    httpStatus: 500,
    message: 'internal error',
  },
} as const satisfies Record<DenyCode, Row>;

/** What a thrown fault means for the caller. */
export const DENY_CODE_OF_FAULT = {
  invalid: 'REQUEST_INVALID',
  unauthenticated: 'IDENTITY_REJECTED',
  unavailable: 'PDP_UNAVAILABLE',
  timeout: 'PDP_TIMEOUT',
  conflict: 'INTERNAL_ERROR',
  corrupt: 'PDP_REPLY_INVALID',
  internal: 'INTERNAL_ERROR',
} as const satisfies Record<FaultKind, DenyCode>;

/** What the table may be told besides the code. */
export interface RefusalDetails {
  readonly message?: string;
  readonly decision_id?: string | undefined;
  readonly reason_code?: string | undefined;
  readonly path?: string | undefined;
  readonly hold?: Hold | undefined;
  /** Overrides the row where a specification fixes another number (e.g. -32700 for unreadable JSON). */
  readonly rpcCode?: number;
  readonly httpStatus?: number;
  /** The request that was refused, for the log. */
  readonly request?: CanonicalRequest;
  /** What it was about, for the record, where there is no `request`. */
  readonly target?: RefusedTarget | undefined;
  /** For the log only: never shown to the agent. */
  readonly cause?: unknown;
  /** For the log only: what a component said, without payloads. */
  readonly note?: string;
}

/** Who hears of refusals. */
export interface RefusalObserver {
  refused(source: Source, outcome: RefusalOutcome): void;
  failedClosed(code: DenyCode): void;
}

/** Turns whatever went wrong into a refusal; counts and logs it. */
export interface Refuser {
  /** By code. */
  refuse(code: DenyCode, details?: RefusalDetails): Refusal;
  /** The PDP's own denial or hold. A decision that names no reason is refused as an invalid reply. */
  decided(decision: Decision, request: CanonicalRequest): Refusal;
  /** Nobody gave an answer. */
  unanswered(failure: AskFailure, request: CanonicalRequest): Refusal;
  /** Something was thrown. Its text goes to the log, not to the agent. */
  fault(thrown: unknown, request?: CanonicalRequest): Refusal;
}

/** A {@link Refuser} for one source of attempts. */
export function createRefuser(options: {
  readonly source: Source;
  readonly log: Logger;
  readonly observer: RefusalObserver;
  /** Told of every refusal of our own, before a decision or in spite of one: a PDP has its own on record. */
  readonly records: RefusalRecords;
}): Refuser {
  const { source, log, observer, records } = options;

  function refuse(code: DenyCode, details: RefusalDetails = {}): Refusal {
    const refusal = refusalOf(code, details);
    const word = details.rpcCode === undefined ? undefined : `JSONRPC ${details.rpcCode}`;
    const target = details.request === undefined ? details.target : targetOf(details.request);
    const { httpStatus: status, decision_id } = refusal;
    const allowed = decision_id === undefined ? {} : { decision_id };
    records.refused({ source, code, reason: details.reason_code ?? word, status, target: target ?? {}, ...allowed });
    return refusal;
  }

  /** Counts and logs it. */
  function refusalOf(code: DenyCode, details: RefusalDetails): Refusal {
    const row: Row = REFUSALS[code];
    const refusal: Refusal = {
      kind: 'refusal',
      code,
      message: details.message ?? row.message,
      outcome: row.outcome,
      rpcCode: details.rpcCode ?? row.rpcCode,
      httpStatus: details.httpStatus ?? row.httpStatus,
      ...(details.decision_id === undefined ? {} : { decision_id: details.decision_id }),
      ...(details.reason_code === undefined ? {} : { reason_code: details.reason_code }),
      ...(details.path === undefined ? {} : { path: details.path }),
      ...(details.hold === undefined ? {} : { hold: details.hold }),
    };
    observer.refused(source, row.outcome);
    const fields = {
      [FIELD.outcome]: row.outcome,
      [FIELD.denyCode]: code,
      [FIELD.decisionId]: details.decision_id,
      [FIELD.requestId]: details.request?.context.request_id,
      ...(details.note === undefined ? {} : { [LOG_FIELD.reason]: details.note }),
      ...(details.cause === undefined ? {} : { [LOG_FIELD.error]: details.cause }),
    };
    if (row.outcome === 'failed_closed') {
      observer.failedClosed(code);
      log.error(fields, 'Attempt failed closed');
    } else {
      log.debug(fields, 'Attempt refused');
    }
    return refusal;
  }

  return {
    refuse,
    decided(decision, request) {
      const reason = decision.deny[0];
      const hold = decision.effect === 'hold' ? holdOf(decision) : undefined;
      if (reason === undefined) {
        // Neither an allow nor a reason: whatever this is, it is not a decision that we can act on.
        return refusalOf(decision.effect === 'hold' ? 'APPROVAL_REQUIRED' : 'PDP_REPLY_INVALID', {
          decision_id: decision.decision_id,
          hold,
          request,
        });
      }
      return refusalOf(decision.effect === 'hold' ? 'APPROVAL_REQUIRED' : reason.code, {
        message: reason.message === '' ? REFUSALS[reason.code].message : reason.message,
        decision_id: decision.decision_id,
        reason_code: reason.reason_code,
        path: reason.path,
        hold,
        request,
      });
    },
    unanswered(failure, request) {
      // What is wrong with a request is its sender's to know; what is wrong with a PDP is not.
      const told = failure.code === 'REQUEST_INVALID' ? { message: failure.message } : {};
      return refuse(failure.code, { request, note: failure.message, ...told });
    },
    fault(thrown, request) {
      const fault = PortcullisError.from(thrown);
      return refuse(DENY_CODE_OF_FAULT[fault.kind], { cause: fault, ...(request === undefined ? {} : { request }) });
    },
  };
}
