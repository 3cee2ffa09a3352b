/** `Settle`: what became of decisions. Each report is checked, and counted once per decision however often it comes. */

import type { handleUnaryCall } from '@grpc/grpc-js';
import type { PriceList } from '@portcullis/policy';
import type { EnforcementEntry, RefusalEntry } from '@portcullis/policy/evidence';
import {
  fromWireRefusal,
  fromWireReuse,
  fromWireSettlement,
  type PeerIdentity,
  type ReportedResult,
  type ReuseReport,
  type SettlementReport,
  type Wire,
} from '@portcullis/proto';
import { type Clock, type Logger, PortcullisError } from '@portcullis/runtime';
import type { GatewayTenants } from '../pipeline/normalize.js';
import type { DecisionRecord } from '../pipeline/ports.js';
import { actualUse } from '../quota/actual-use.js';
import { holderName } from '../quota/key.js';
import type { QuotaObserver, QuotaStore, SettledUse } from '../quota/port.js';
import type { SessionKey } from '../session/port.js';
import type { ResultIntake } from '../session/result-intake.js';
import { guardUnary } from './guard.js';
import type { ServerObserver } from './observer.js';
import type { Caller, CallerReader } from './peer.js';

/** What the handler needs. */
export interface SettleParts {
  readonly callers: CallerReader;
  readonly observer: ServerObserver & Pick<QuotaObserver, 'quotaSettled'>;
  /** Told how attempts ended, whichever PDP decided them. */
  readonly quotas: Pick<QuotaStore, 'settle'>;
  /** What calls cost under the release in force. */
  readonly prices: () => PriceList | undefined;
  readonly clock: Pick<Clock, 'now'>;
  /** Takes what PEPs report of results. */
  readonly results: ResultIntake;
  /** Who may report for which tenants. */
  readonly gateways: GatewayTenants;
  /**
   * Where allows and refusals that a PEP gave itself are recorded, and what searched what it carried out; without one they are not,
   * like all decisions.
   */
  readonly sink: ReportSink | undefined;
  /** Which agents a caller may report for. */
  readonly mayReport: (caller: PeerIdentity, tenant: string, agent: string) => boolean;
  readonly log: Logger;
  /** How many decisions are remembered; the oldest are forgotten first. */
  readonly maxRemembered: number;
}

/** Where records of what PEPs did without a decision go; `audit.mode` says what is promised. */
export interface ReportSink {
  /** Resolves once it is kept; rejects when it could not be. */
  append(record: DecisionRecord | EnforcementEntry | RefusalEntry): Promise<void>;
}

/** No call reports more. */
export const MAX_SETTLEMENTS = 256;

const DECISION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The handler. `accepted` counts the valid reports, repeated ones included, so that a retry gets the same answer;
 * `reuses_recorded` and `refusals_recorded` count those in the same way, and the call fails when one could not be kept.
 */
export function createSettle(parts: SettleParts): handleUnaryCall<Wire.SettleRequest__Output, Wire.SettleResponse> {
  const seen = new Set<string>();
  const recorded = new Set<string>();
  const underWay = new Map<string, Promise<void>>();
  const remember = (known: Set<string>, key: string): void => {
    known.add(key);
    // A set keeps the order of insertion.
    const [oldest] = known;
    if (known.size > parts.maxRemembered && oldest !== undefined) known.delete(oldest);
  };
  const isNew = (key: string): boolean => {
    if (seen.has(key)) return false;
    remember(seen, key);
    return true;
  };
  const mayReport = ({ identity }: Caller, { tenant_id: tenant, agent_id: agent }: ReuseReport): boolean =>
    parts.mayReport(identity, tenant, agent);
  /**
   * Puts it on record once, however often and by however many calls at once it is reported. Rejects when it cannot be kept: the PEP
   * still has it, and reports it again, here or elsewhere.
   */
  const recordOnce = async (
    key: string,
    entry: Parameters<ReportSink['append']>[0],
    counted?: 'reused' | 'unasked',
  ): Promise<void> => {
    if (recorded.has(key)) return;
    const append = async (): Promise<void> => {
      await parts.sink?.append(entry);
      remember(recorded, key);
      if (counted !== undefined) parts.observer.settled(counted);
    };
    const appending = underWay.get(key) ?? append().finally(() => underWay.delete(key));
    underWay.set(key, appending);
    await appending;
  };
  const record = async (message: Wire.Reuse__Output, caller: Caller): Promise<boolean> => {
    const report = fromWireReuse(message);
    if (!report.ok || !isReport(report.value) || !mayReport(caller, report.value)) {
      parts.observer.settled('invalid');
      return false;
    }
    const { tenant_id: tenant, agent_id: agent, decision_id: id } = report.value;
    await recordOnce(`${tenant}/${agent} reuse ${id}`, recordOf(report.value), 'reused');
    return true;
  };
  /** Of the agent of the certificate, whoever else may speak for it. */
  const recordRefusal = async (message: Wire.Refusal__Output, { identity }: Caller): Promise<boolean> => {
    const report = fromWireRefusal(message);
    const ids = report.ok ? [report.value.refusal_id, report.value.decision_id ?? report.value.refusal_id] : [];
    if (!report.ok || identity.kind !== 'agent' || !ids.every((one) => DECISION_ID.test(one))) {
      parts.observer.settled('invalid');
      return false;
    }
    const { tenant, agent } = identity;
    const entry = { kind: 'refusal', tenant, agent, ...report.value } as const;
    await recordOnce(`${tenant}/${agent} refusal ${report.value.refusal_id}`, entry, 'unasked');
    return true;
  };
  /** False for one that no sidecar makes. */
  const recordLayers = async (report: SettlementReport, { identity }: Caller): Promise<boolean> => {
    const { decision_id, request_digest, outcome, redaction } = report;
    if (redaction === undefined) return true;
    if (identity.kind !== 'agent') return false;
    const { tenant, agent } = identity;
    const at = new Date(parts.clock.now()).toISOString();
    const entry = { kind: 'enforcement', decision_id, request_digest, tenant, agent, outcome, redaction, at } as const;
    await recordOnce(`${tenant}/${agent} enforcement ${decision_id}`, entry);
    return true;
  };
  /** A report, once its result is taken; nothing when it is none. What is withheld because nobody took it was not forwarded. */
  const taken = async (message: Wire.Settlement__Output, caller: Caller): Promise<SettlementReport | undefined> => {
    const report = fromWireSettlement(message);
    if (!report.ok || !DECISION_ID.test(report.value.decision_id)) return undefined;
    return (await takeResult(parts, report.value, caller)) ? report.value : undefined;
  };
  return guardUnary(parts.log, async (call) => {
    const caller = parts.callers.callerOf(call);
    const settlements = call.request.settlements ?? [];
    if (settlements.length > MAX_SETTLEMENTS) {
      throw new PortcullisError(
        'ERR_REQUEST_INVALID',
        'invalid',
        `a call settles at most ${MAX_SETTLEMENTS} decisions`,
      );
    }
    if (settlements.length > 1 && settlements.some(({ result_json: result }) => result !== undefined)) {
      throw new PortcullisError('ERR_REQUEST_INVALID', 'invalid', 'a settlement with a result comes alone');
    }
    const reuses = call.request.reuses ?? [];
    if (reuses.length > MAX_SETTLEMENTS) {
      throw new PortcullisError('ERR_REQUEST_INVALID', 'invalid', `a call reports at most ${MAX_SETTLEMENTS} reuses`);
    }
    const refusals = call.request.refusals ?? [];
    if (refusals.length > MAX_SETTLEMENTS) {
      throw new PortcullisError('ERR_REQUEST_INVALID', 'invalid', `a call reports at most ${MAX_SETTLEMENTS} refusals`);
    }
    const kept = await Promise.all(reuses.map((message) => record(message, caller)));
    const refused = await Promise.all(refusals.map((message) => recordRefusal(message, caller)));
    let accepted = 0;
    const uses: SettledUse[] = [];
    const reports = await Promise.all(settlements.map((message) => taken(message, caller)));
    // All at once: each waits for its record to be kept.
    const noted = await Promise.all(
      reports.map(async (report) => report !== undefined && (await recordLayers(report, caller))),
    );
    for (const [at, report] of reports.entries()) {
      if (report === undefined || noted[at] !== true) {
        parts.observer.settled('invalid');
        continue;
      }
      accepted += 1;
      parts.observer.settled(isNew(report.decision_id) ? report.outcome : 'repeated');
      // A repetition may be there because the accounts did not hear the first; they settle an attempt once.
      uses.push(useOf(report, caller, parts));
    }
    for (const outcome of await parts.quotas.settle(uses)) parts.observer.quotaSettled(outcome);
    return {
      accepted,
      reuses_recorded: kept.filter(Boolean).length,
      refusals_recorded: refused.filter(Boolean).length,
    };
  });
}

/** What was refused by the PEP reached nobody; what failed upstream may have had its effect, and stays counted. */
function useOf(
  { decision_id, request_digest: digest, outcome, usage = {} }: SettlementReport,
  caller: Caller,
  { prices, clock }: SettleParts,
): SettledUse {
  return {
    holder: holderName(caller.identity, digest, decision_id),
    unused: outcome === 'refused',
    actual: actualUse(usage, prices(), clock.now()),
  };
}

/** False when nobody asked for the result; then the report as a whole is not one. */
async function takeResult(
  { results, gateways }: SettleParts,
  { result, request_digest: requestDigest }: SettlementReport,
  { identity }: Caller,
): Promise<boolean> {
  if (result === undefined) return true;
  const key = reportedSession(result, identity, gateways);
  if (key === undefined) return false;
  const outcome = await results.keep({ key, requestDigest, result: result.value, truncated: result.truncated });
  if (outcome === 'kept' || outcome === 'repeated') return true;
  if (outcome === 'unasked') return false;
  // The caller may ask another decision point, or again.
  throw new PortcullisError('ERR_SESSION_UNAVAILABLE', 'unavailable', `the session is not known: ${outcome}`);
}

/** The session that the caller may report about; an agent's own, or one of an agent that a gateway may speak for. */
function reportedSession(
  { session_id: session, tenant_id: tenant, agent_id: agent }: ReportedResult,
  identity: Caller['identity'],
  gateways: GatewayTenants,
): SessionKey | undefined {
  if (identity.kind === 'agent') {
    const isOwn = (tenant ?? identity.tenant) === identity.tenant && (agent ?? identity.agent) === identity.agent;
    return isOwn ? { tenant: identity.tenant, agent: identity.agent, session } : undefined;
  }
  if (identity.kind !== 'gateway' || tenant === undefined || agent === undefined) return undefined;
  return gateways.get(identity.name)?.has(tenant) === true ? { tenant, agent, session } : undefined;
}

function isReport({ decision_id: id, reuse_of: of }: ReuseReport): boolean {
  return DECISION_ID.test(id) && DECISION_ID.test(of);
}

/** As the PEP reports it: nobody was asked about this attempt, and it took no time here. */
function recordOf(report: ReuseReport): DecisionRecord {
  const { decision_id, reuse_of, request_digest, tool, target, arguments_digest: args } = report;
  return {
    decision_id,
    reuse_of,
    request_digest,
    effect: 'allow',
    deny: [],
    tenant: report.tenant_id,
    agent: report.agent_id,
    tool,
    ...(target === undefined ? {} : { target }),
    ...(args === undefined ? {} : { arguments_digest: args }),
    bundle_digest: report.bundle_digest,
    policy_version: report.policy_version,
    release_seq: report.release_seq,
    matched: report.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    timings_us: { evaluation: 0 },
    at: report.at,
  };
}
