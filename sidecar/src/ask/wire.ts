/** Questions and answers as bytes. Nothing here throws for what a PDP sent: whatever is not an answer is `invalid`. */

import type { CanonicalRequest, Checked, Decision, DenyCode } from '@portcullis/policy/model';
import {
  type Epochs,
  fromWireDecision,
  fromWireFault,
  fromWireWatchEvent,
  loadDecisionService,
  type Wire as Message,
  type RefusalReport,
  type ReuseReport,
  requestDigest,
  toWireDecision,
  toWireRefusal,
  toWireRequest,
  toWireReuse,
  toWireSettlement,
  type WatchReport,
} from '@portcullis/proto';
import { userTokenOf } from '../behalf/user-token.js';
import type { AskDetails, AskFailure, AskFailureCode, ResultReport, Settlement } from './port.js';

/** What arrived on a Decide stream. `garbled` cannot be tied to a question. */
export type Reply =
  | { readonly kind: 'decision'; readonly id: number; readonly decision: Decision; readonly epochs: Epochs }
  | { readonly kind: 'fault'; readonly id: number; readonly failure: AskFailure }
  | { readonly kind: 'pong'; readonly id: number }
  | { readonly kind: 'invalid'; readonly id: number; readonly message: string }
  | { readonly kind: 'garbled'; readonly message: string };

/** What is asked about a request, and from where. */
export interface About extends AskDetails {
  /** Only whether a kill stops it; by default, whether it is allowed. */
  readonly onlyKills?: boolean;
}

/** A question ready to be sent. */
export interface EncodedQuestion {
  /** A serialised DecideRequest; those of several questions concatenate to one message. */
  readonly frame: Buffer;
  /** Lower-case hex. */
  readonly digest: string;
}

/** The decision plane in bytes. */
export interface Wire {
  readonly decidePath: string;
  readonly watchPath: string;
  readonly settlePath: string;
  /** The one and only WatchRequest. */
  readonly watchRequest: Buffer;
  /** @throws Error when the request has no canonical form. */
  encodeQuestion(id: number, request: CanonicalRequest, about?: About): EncodedQuestion;
  encodePing(id: number): Buffer;
  /** Every reply in one message, in order; a single `garbled` one when it is no message or an empty one. */
  decodeReplies(bytes: Buffer): readonly Reply[];
  /** `undefined` when the bytes are not a well-formed event. */
  decodeWatch(bytes: Buffer): WatchReport | undefined;
  encodeSettlements(settlements: readonly (Settlement | ResultReport)[]): Buffer;
  /** How many settlements were taken; 0 when the bytes are no answer. */
  decodeSettled(bytes: Buffer): number;
  encodeReuses(reuses: readonly ReuseReport[]): Buffer;
  /** How many reuses a PDP has recorded, as it says; 0 when it says nothing. */
  decodeRecorded(bytes: Buffer): number;
  encodeRefusals(refusals: readonly RefusalReport[]): Buffer;
  /** How many refusals a PDP has recorded, as it says; 0 when it says nothing. */
  decodeRefusalsRecorded(bytes: Buffer): number;
  /**
   * Encodes and decodes one of everything, so that the codecs, which are generated at first use, are there before a
   * question has a deadline. `request` is asked about nobody.
   */
  rehearse(request: CanonicalRequest): void;
}

const ASK_FAILURES: ReadonlySet<DenyCode> = new Set<AskFailureCode>([
  'PDP_UNAVAILABLE',
  'PDP_TIMEOUT',
  'PDP_BREAKER_OPEN',
  'PDP_REPLY_INVALID',
  'REQUEST_INVALID',
  'IDENTITY_REJECTED',
  'NO_VALID_BUNDLE',
  'AUDIT_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
]);

const EMPTY: readonly Reply[] = [{ kind: 'garbled', message: 'a message without an answer' }];
const NO_MESSAGE: readonly Reply[] = [{ kind: 'garbled', message: 'bytes that are no DecideResponse' }];

function isAskFailureCode(code: DenyCode): code is AskFailureCode {
  return ASK_FAILURES.has(code);
}

/** A denial, as a PDP would send it, for the rehearsal. */
function rehearsedDecision(digest: string): Decision {
  return {
    decision_id: 'rehearsal',
    allow: false,
    effect: 'deny',
    deny: [{ code: 'NO_MATCHING_POLICY', message: 'a rehearsal', path: 'platform/rehearsal' }],
    conditions: [],
    obligations: [],
    cache: { ttl_seconds: 0, scope: '' },
    matched: [{ policy: 'p', version: '1', layer: 'platform', effect: 'deny', conditions: [] }],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1.0.0',
      evaluation_ms: 0,
      bundle_digest: digest,
      release_seq: 1,
      arm: 'stable',
      engine: 'rehearsal',
      cached: false,
    },
    request_digest: digest,
  };
}

/** Loads decision.proto (some 20 ms, from disk); once per client. @throws Error when it cannot be read. */
export function createWire(): Wire {
  const { Decide, Watch, Settle } = loadDecisionService();

  function read(message: Message.Answer__Output): Reply {
    const id = message.id ?? 0;
    if (id === 0) return { kind: 'garbled', message: 'an answer without the id of a question' };
    const { decision, fault } = message;
    switch (message.answer) {
      case 'decision': {
        if (decision === undefined) break;
        const checked = fromWireDecision(decision);
        if (!checked.ok) return { kind: 'invalid', id, message: describe(checked) };
        return { kind: 'decision', id, decision: checked.value.decision, epochs: checked.value.epochs };
      }
      case 'fault': {
        if (fault === undefined) break;
        const { code, message: reason } = fromWireFault(fault);
        if (code === 'PDP_REPLY_INVALID') return { kind: 'invalid', id, message: 'a fault with an unknown code' };
        return {
          kind: 'fault',
          id,
          failure: { code: isAskFailureCode(code) ? code : 'INTERNAL_ERROR', message: reason },
        };
      }
      case 'pong':
        return { kind: 'pong', id };
      case undefined:
        break;
    }
    return { kind: 'invalid', id, message: 'an answer that is neither a decision nor a fault' };
  }

  const wire: Wire = {
    decidePath: Decide.path,
    watchPath: Watch.path,
    settlePath: Settle.path,
    watchRequest: Watch.requestSerialize({}),
    encodeQuestion(id, request, { trace, digest: made, onlyKills = false } = {}) {
      const digest = made === undefined ? requestDigest(request) : Buffer.from(made, 'hex');
      const token = userTokenOf(request);
      const evaluate = {
        request: toWireRequest(request),
        request_digest: digest,
        ...(token === undefined ? {} : { user_token: token.secret }),
        ...(onlyKills ? { only_kills: true } : {}),
      };
      const frame = Decide.requestSerialize({ questions: [{ id, evaluate, ...trace }] });
      return { frame, digest: digest.toString('hex') };
    },
    encodePing(id) {
      return Decide.requestSerialize({ questions: [{ id, ping: {} }] });
    },
    decodeReplies(bytes) {
      try {
        const { answers = [] } = Decide.responseDeserialize(bytes);
        return answers.length === 0 ? EMPTY : answers.map(read);
      } catch {
        return NO_MESSAGE;
      }
    },
    decodeWatch(bytes) {
      try {
        const checked = fromWireWatchEvent(Watch.responseDeserialize(bytes));
        return checked.ok ? checked.value : undefined;
      } catch {
        return undefined;
      }
    },
    encodeSettlements(settlements) {
      return Settle.requestSerialize({ settlements: settlements.map(toWireSettlement) });
    },
    decodeSettled(bytes) {
      try {
        return Settle.responseDeserialize(bytes).accepted ?? 0;
      } catch {
        return 0;
      }
    },
    encodeReuses(reuses) {
      return Settle.requestSerialize({ reuses: reuses.map(toWireReuse) });
    },
    decodeRecorded(bytes) {
      try {
        return Settle.responseDeserialize(bytes).reuses_recorded ?? 0;
      } catch {
        return 0;
      }
    },
    encodeRefusals(refusals) {
      return Settle.requestSerialize({ refusals: refusals.map(toWireRefusal) });
    },
    decodeRefusalsRecorded(bytes) {
      try {
        return Settle.responseDeserialize(bytes).refusals_recorded ?? 0;
      } catch {
        return 0;
      }
    },
    rehearse(request) {
      const { digest } = wire.encodeQuestion(1, request);
      const decision = toWireDecision(rehearsedDecision(digest), { release_seq: 1, trust: 0, labels: 0, kill: 0 });
      wire.decodeReplies(Decide.responseSerialize({ answers: [{ id: 1, decision }] }));
      wire.encodeSettlements([
        { decision_id: 'rehearsal', request_digest: digest, outcome: 'refused', duration_ms: 1 },
      ]);
    },
  };
  return wire;
}

/** The first finding, without values: an answer may quote the request. */
function describe(checked: Checked<unknown> & { readonly ok: false }): string {
  const [first] = checked.problems;
  return first === undefined ? 'not a decision' : `not a decision: ${first.code} at ${first.path}`;
}
