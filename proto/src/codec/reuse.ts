/** An allow out of an answer that was kept: wire <-> domain. */

import type { AttemptTarget, Checked, MatchedPolicy } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { fromWireAttemptTarget, toWireAttemptTarget } from './attempt-target.js';
import {
  type Findings,
  found,
  readInstant,
  readList,
  readNumber,
  readRequiredText,
  readText,
  settle,
} from './findings.js';
import { fromWireMatchedPolicy, toWireMatchedPolicy } from './matched-policy.js';
import { DIGEST_BYTES } from './request-digest.js';

/** A PEP's report of one. */
export interface ReuseReport {
  /** Its own, by which it is settled. */
  readonly decision_id: string;
  /** That of the answer that was kept. */
  readonly reuse_of: string;
  /** Of the attempt that was allowed, lower-case hex. */
  readonly request_digest: string;
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** Lower-case hex; absent when the request has no arguments. */
  readonly arguments_digest?: string;
  readonly bundle_digest: string;
  readonly policy_version: string;
  readonly release_seq: number;
  readonly matched: readonly MatchedPolicy[];
  /** What it would reach besides a tool. */
  readonly target?: AttemptTarget;
  /** RFC 3339. */
  readonly at: string;
}

/** The report as it travels. */
export function toWireReuse(report: ReuseReport): Wire.Reuse {
  const { tool, arguments_digest: args } = report;
  return {
    decision_id: report.decision_id,
    reuse_of: report.reuse_of,
    request_digest: Buffer.from(report.request_digest, 'hex'),
    tenant_id: report.tenant_id,
    agent_id: report.agent_id,
    ...(tool.server === undefined ? {} : { server: tool.server }),
    ...(tool.name === undefined ? {} : { tool: tool.name }),
    ...(tool.operation === undefined ? {} : { operation: tool.operation }),
    ...(args === undefined ? {} : { arguments_digest: Buffer.from(args, 'hex') }),
    bundle_digest: report.bundle_digest,
    policy_version: report.policy_version,
    release_seq: report.release_seq,
    matched: report.matched.map(toWireMatchedPolicy),
    at: report.at,
    ...(report.target === undefined ? {} : { target: toWireAttemptTarget(report.target) }),
  };
}

/** The report as it arrived. */
export function fromWireReuse(message: Wire.Reuse__Output): Checked<ReuseReport> {
  const findings: Findings = [];
  const { server, tool, operation, arguments_digest: args, target } = message;
  return settle(findings, {
    decision_id: readRequiredText(message.decision_id, 'decision_id', findings),
    reuse_of: readRequiredText(message.reuse_of, 'reuse_of', findings),
    request_digest: readDigest(message.request_digest, 'request_digest', findings),
    tenant_id: readRequiredText(message.tenant_id, 'tenant_id', findings),
    agent_id: readRequiredText(message.agent_id, 'agent_id', findings),
    tool: {
      ...(server === undefined ? {} : { server: readText(server, 'server', findings) }),
      ...(tool === undefined ? {} : { name: readText(tool, 'tool', findings) }),
      ...(operation === undefined ? {} : { operation: readText(operation, 'operation', findings) }),
    },
    ...(args === undefined ? {} : { arguments_digest: readDigest(args, 'arguments_digest', findings) }),
    bundle_digest: readRequiredText(message.bundle_digest, 'bundle_digest', findings),
    policy_version: readText(message.policy_version, 'policy_version', findings),
    release_seq: readNumber(message.release_seq, 'release_seq', findings),
    matched: readList(message.matched, 'matched', findings, fromWireMatchedPolicy),
    at: readInstant(message.at, 'at', findings),
    ...(target === undefined ? {} : { target: fromWireAttemptTarget(target, 'target', findings) }),
  });
}

function readDigest(value: Buffer | undefined, path: string, findings: Findings): string {
  if (value?.length !== DIGEST_BYTES) found(findings, 'ERR_WIRE_DIGEST', path, `expected ${DIGEST_BYTES} bytes`);
  return value?.toString('hex') ?? '';
}
