import { compileBundle } from '../../engine/compile.js';
import { type Engine, linkBundle } from '../../engine/link.js';
import type { Verdict } from '../../model/decision.js';
import type { ContextualRequest } from '../../model/facts.js';
import { formatProblem } from '../../model/problem.js';
import type { Json, JsonObject } from '../../model/request.js';
import type { TypedAction } from '../kind.js';
import { type PolicyType, policyKind } from '../registry.js';

/** What a policy with one of the actions makes of a request. */
export type Finding = 'violates' | 'complies' | 'errs';

const MANIFEST = {
  format: 'portcullis.policy/1',
  name: 'typed',
  version: '1.0.0',
  sets: [
    { name: 'base', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'policies/base' },
    { name: 'typed', layer: 'tenant', combining: 'priority', priority_order: 'asc', policies: 'policies/typed' },
  ],
} as const;
const ALLOW_ALL = { name: 'Allow all', when: 'always', effect: 'allow', priority: 1 } as const;
const ALLOW_NONE = {
  name: 'Allow none',
  when: { field: 'tenant_id', operator: 'equals', value: '' },
  effect: 'allow',
  priority: 1,
};

/** A source folder with one typed policy, beside a policy that allows everything else (or nothing). */
function sourceOf(policy: JsonObject, rest: 'allowed' | 'denied'): ReadonlyMap<string, Uint8Array> {
  const files: Readonly<Record<string, Json>> = {
    'bundle.yaml': MANIFEST,
    'policies/base/rest.json': rest === 'allowed' ? ALLOW_ALL : ALLOW_NONE,
    'policies/typed/policy.json': policy,
  };
  const encoder = new TextEncoder();
  return new Map(Object.entries(files).map(([name, value]) => [name, encoder.encode(JSON.stringify(value, null, 2))]));
}

/** The problems of a typed policy, as an author reads them. */
export function problemsOf(policy: JsonObject): readonly string[] {
  const result = compileBundle(sourceOf(policy, 'allowed'));
  return result.ok ? [] : result.problems.map(formatProblem);
}

/** The engine of a typed policy; throws with its problems when it does not compile. */
export function engineOf(policy: JsonObject, rest: 'allowed' | 'denied' = 'allowed'): Engine {
  const result = compileBundle(sourceOf(policy, rest));
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return linkBundle(structuredClone(result.value));
}

/** The example of a type with another config, and perhaps other keys. */
export function policyOf(type: PolicyType, config: Json, more: JsonObject = {}): JsonObject {
  return { ...policyKind(type).example, config, ...more };
}

/** What every action that a policy's type permits makes of a request, by action. */
export type FindingsOf = (
  policy: JsonObject,
  request: ContextualRequest,
) => Readonly<Partial<Record<TypedAction, Finding>>>;

/** Asks policies; an engine is made once for each policy and action. */
export function createFindings(): FindingsOf {
  const engines = new Map<string, Engine>();
  const engineFor = (policy: JsonObject, action: TypedAction): Engine => {
    const key = JSON.stringify([policy, action]);
    const engine = engines.get(key) ?? engineOf({ ...policy, action }, action === 'allow' ? 'denied' : 'allowed');
    engines.set(key, engine);
    return engine;
  };
  return (policy, request) => {
    const { actions } = policyKind(policy['type'] as PolicyType);
    return Object.fromEntries(
      actions.map((action) => {
        const verdict = engineFor(policy, action).evaluate(request);
        if (verdict.errors.length > 0) return [action, 'errs'];
        return [action, isStopped(verdict, action) ? 'violates' : 'complies'];
      }),
    );
  };
}

function isStopped(verdict: Verdict, action: TypedAction): boolean {
  switch (action) {
    case 'deny':
      return verdict.effect === 'deny';
    case 'escalate':
      return verdict.effect === 'hold';
    case 'log_only':
      return verdict.effect === 'allow' && verdict.matched.some(({ effect }) => effect === 'log_only');
    case 'allow':
      return verdict.effect !== 'allow';
  }
}

/** The same finding for every action that the type permits. */
export function everyAction(type: PolicyType, finding: Finding): Readonly<Partial<Record<TypedAction, Finding>>> {
  return Object.fromEntries(policyKind(type).actions.map((action) => [action, finding]));
}

/** A request of some kind, with what the case adds; `undefined` removes nothing, it is just not there. */
export function requestOf(kind: string, more: JsonObject = {}): ContextualRequest {
  const context = { timestamp: '2026-03-02T10:00:00Z', request_id: 'r-1', environment: 'prod' };
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'sdk',
    kind,
    agent: { id: 'a-1' },
    ...more,
    context: { ...context, ...(more['context'] as JsonObject | undefined) },
  } as unknown as ContextualRequest;
}
