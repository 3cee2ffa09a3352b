import { isDeepStrictEqual } from 'node:util';
import type { Condition, Json, Obligation, QuotaGuard, Verdict } from '@portcullis/policy/model';
import type { Expectation } from './suite.js';

/** One thing that is not as expected. */
export interface Difference {
  readonly what: keyof Expectation;
  readonly expected: Json;
  readonly found: Json;
}

/** A policy of a verdict. */
interface Named {
  readonly policy: string;
  readonly layer: string;
}

/**
 * How a verdict differs from what was expected; empty when it does not.
 * @param strict errors that the expectation does not name are a difference
 */
export function compareVerdict(expected: Expectation, verdict: Verdict, strict: boolean): readonly Difference[] {
  const differences: Difference[] = [];
  const effect = expected.effect ?? 'deny';
  if (effect !== verdict.effect) differences.push({ what: 'effect', expected: effect, found: verdict.effect });
  const { code, reason_code, policies, conditions, obligations, quotas } = expected;
  if (code !== undefined && !verdict.deny.some((reason) => reason.code === code)) {
    differences.push({ what: 'code', expected: code, found: unique(verdict.deny.map((reason) => reason.code)) });
  }
  if (reason_code !== undefined && !verdict.deny.some((reason) => reason.reason_code === reason_code)) {
    const found = unique(verdict.deny.flatMap((reason) => reason.reason_code ?? []));
    differences.push({ what: 'reason_code', expected: reason_code, found });
  }
  if (policies !== undefined) differences.push(...comparePolicies('policies', policies, verdict.matched));
  const errors = expected.errors ?? (strict ? [] : undefined);
  if (errors !== undefined) differences.push(...comparePolicies('errors', errors, verdict.errors));
  if (conditions !== undefined) differences.push(...compareTyped('conditions', conditions, verdict.conditions));
  if (quotas !== undefined) differences.push(...compareQuotas(quotas, verdict.guards));
  if (obligations !== undefined) differences.push(...compareTyped('obligations', obligations, verdict.obligations));
  return differences;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** As sets: the order of reports is not what a test is about. */
function comparePolicies(
  what: 'policies' | 'errors',
  expected: readonly string[],
  found: readonly Named[],
): readonly Difference[] {
  const same =
    expected.every((name) => found.some((candidate) => is(name, candidate))) &&
    found.every((candidate) => expected.some((name) => is(name, candidate)));
  if (same) return [];
  // Spelled as the author spells them, so that the difference stands out.
  const spelled = found.map(
    (one) =>
      expected.find((name) => is(name, one)) ??
      (expected.some(isQualified) ? `${one.layer}/${one.policy}` : one.policy),
  );
  return [{ what, expected: expected.toSorted(), found: unique(spelled).toSorted() }];
}

/** Whether a name in an expectation, with or without a layer, is a policy's. */
function is(name: string, { policy, layer }: Named): boolean {
  return name === policy || name === `${layer}/${policy}`;
}

function isQualified(name: string): boolean {
  return name.includes('/');
}

type Typed = NonNullable<Expectation['conditions']>[number];

/** As multisets: every expected one is some found one, and none is left over. */
function compareTyped(
  what: 'conditions' | 'obligations',
  expected: readonly Typed[],
  found: readonly (Condition | Obligation)[],
): readonly Difference[] {
  const rest = [...found];
  // What says more is matched first, so that it is not robbed of its only partner.
  const ordered = expected.toSorted((a, b) => Number(b.value !== undefined) - Number(a.value !== undefined));
  let same = true;
  for (const { type, value } of ordered) {
    const at = rest.findIndex(
      (one) => one.type === type && (value === undefined || isDeepStrictEqual(one.value, value)),
    );
    if (at === -1) same = false;
    else rest.splice(at, 1);
  }
  if (same && rest.length === 0) return [];
  return [{ what, expected: expected as Json, found: found as unknown as Json }];
}

type Quota = NonNullable<Expectation['quotas']>[number];

function compareQuotas(expected: readonly Quota[], found: readonly QuotaGuard[]): readonly Difference[] {
  const rest = [...found];
  let same = true;
  // What says more is matched first, as with conditions.
  for (const quota of expected.toSorted((a, b) => Object.keys(b).length - Object.keys(a).length)) {
    const at = rest.findIndex((guard) => isQuota(quota, guard));
    if (at === -1) same = false;
    else rest.splice(at, 1);
  }
  if (same && rest.length === 0) return [];
  const shown = found.map(({ layer, policy, kind, limit, window_seconds, account }) => ({
    policy: `${layer}/${policy}`,
    kind,
    limit,
    ...(window_seconds === undefined ? {} : { window_seconds }),
    per: account.map(([dimension]) => dimension),
  }));
  return [{ what: 'quotas', expected: expected as unknown as Json, found: shown }];
}

function isQuota({ policy, kind, limit, window_seconds, per }: Quota, guard: QuotaGuard): boolean {
  const dimensions = guard.account.map(([dimension]) => dimension);
  return (
    is(policy, guard) &&
    (kind === undefined || kind === guard.kind) &&
    (limit === undefined || limit === guard.limit) &&
    (window_seconds === undefined || window_seconds === guard.window_seconds) &&
    (per === undefined || isDeepStrictEqual([...per].sort(), [...dimensions].sort()))
  );
}
