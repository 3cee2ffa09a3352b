import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { engineOf } from '../support/bundle-source.js';
import { DECLARED_FIELDS } from '../support/leaf-generators.js';
import { bundle, policies, policySet } from '../support/policy-generators.js';
import {
  evaluateReference,
  type ReferenceBundle,
  type ReferencePolicy,
  type ReferenceVerdict,
  toReferenceVerdict,
  typeOf,
} from '../support/reference-evaluator.js';
import { request } from '../support/request-generators.js';

/** Requests per generated bundle: compiling is what costs. */
const REQUESTS = 20;
const PAIRS = Number(process.env['JEST_PROPERTY_RUNS'] ?? 3_000);
const LONG = { numRuns: Math.max(1, Math.ceil(PAIRS / REQUESTS)) };
const SHORT = { numRuns: Math.max(1, Math.ceil(PAIRS / REQUESTS / 5)) };
const TIMEOUT_MS = 60_000 + PAIRS * 10;

const requests = fc.array(request(), { minLength: REQUESTS, maxLength: REQUESTS });

function engineVerdict(given: ReferenceBundle): (attempt: ContextualRequest) => ReferenceVerdict {
  const engine = engineOf(given);
  return (attempt) => toReferenceVerdict(engine.evaluate(attempt));
}

/** Sorted parts, for comparisons in which order is not at stake. */
function unordered(verdict: ReferenceVerdict): unknown {
  const sorted = (list: readonly unknown[]): readonly string[] => list.map((item) => JSON.stringify(item)).sort();
  const { effect, deny, conditions, obligations, matched } = verdict;
  return {
    effect,
    deny: sorted(deny),
    conditions: sorted(conditions),
    obligations: sorted(obligations),
    matched: sorted(matched),
  };
}

const isDenied = (verdict: ReferenceVerdict): boolean =>
  verdict.effect !== 'allow' && verdict.deny.some((reason) => reason.code !== 'NO_MATCHING_POLICY');
/** What stands beside an allow, so that no allow lifts it. */
const isNarrowing = (policy: ReferencePolicy): boolean => ['redact', 'limit'].includes(typeOf(policy));
const BLOCKING = ['deny', 'require_approval', 'require_hitl'];
const isBlocking = (policy: ReferencePolicy): boolean => BLOCKING.includes(typeOf(policy)) || isNarrowing(policy);

function withPolicies(
  given: ReferenceBundle,
  map: (policy: ReferencePolicy) => readonly ReferencePolicy[],
): ReferenceBundle {
  return {
    ...given,
    sets: given.sets.map((set) => ({ ...set, policies: set.policies.flatMap((policy) => map(policy)) })),
  };
}

describe('the engine', () => {
  test(
    'agrees with the naive reference on every bundle and request',
    () => {
      fc.assert(
        fc.property(bundle(), requests, (given, attempts) => {
          const evaluate = engineVerdict(given);
          for (const attempt of attempts) expect(evaluate(attempt)).toEqual(evaluateReference(given, attempt));
        }),
        LONG,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'agrees with the reference on large sets, where the index decides what is looked at',
    () => {
      fc.assert(
        fc.property(policies(150), policySet(1), requests, (many, shape, attempts) => {
          const sets = [{ ...shape, name: 's', policies: many }];
          const given: ReferenceBundle = { version: '1.0.0', fields: DECLARED_FIELDS, sets };
          const evaluate = engineVerdict(given);
          for (const attempt of attempts) expect(evaluate(attempt)).toEqual(evaluateReference(given, attempt));
        }),
        { numRuns: Math.max(1, Math.ceil(SHORT.numRuns / 5)) },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'explains with the verdict it gives',
    () => {
      fc.assert(
        fc.property(bundle(), request(), (given, attempt) => {
          const engine = engineOf(given);
          const explanation = engine.explain(attempt);
          const verdict = engine.evaluate(attempt);
          expect(explanation.verdict).toEqual(verdict);
          const told = explanation.sets.flatMap((set) =>
            set.rules.filter((rule) => rule.role !== 'none' && rule.role !== 'not_reached'),
          );
          expect(told.map((rule) => rule.policy).sort()).toEqual(
            [...verdict.matched, ...verdict.errors].map((rule) => rule.policy).sort(),
          );
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );
});

describe('resolution', () => {
  test(
    'does not depend on the order in which policies are listed',
    () => {
      fc.assert(
        fc.property(bundle(), fc.infiniteStream(fc.nat()), requests, (given, keys, attempts) => {
          const shuffled: ReferenceBundle = {
            ...given,
            sets: given.sets.map((set) => ({ ...set, policies: shuffle(set.policies, keys) })),
          };
          const [one, other] = [engineVerdict(given), engineVerdict(shuffled)];
          for (const attempt of attempts) expect(other(attempt)).toEqual(one(attempt));
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'of deny_overrides depends on priority alone, not on the tie-breakers',
    () => {
      fc.assert(
        fc.property(bundle(), requests, (given, attempts) => {
          const all = { ...given, sets: given.sets.map((set) => ({ ...set, combining: 'deny_overrides' as const })) };
          const undated = withPolicies(all, ({ created_at: _created, ...policy }) => [
            { ...policy, slug: policy.slug.replace(/^p(\d+)/, (_, digits: string) => `q${999 - Number(digits)}`) },
          ]);
          const [one, other] = [engineVerdict(all), engineVerdict(undated)];
          const rename = (verdict: ReferenceVerdict): ReferenceVerdict =>
            JSON.parse(
              JSON.stringify(verdict).replaceAll(
                /(?<=["/])q(\d+)/g,
                (_, digits: string) => `p${String(999 - Number(digits)).padStart(3, '0')}`,
              ),
            ) as ReferenceVerdict;
          for (const attempt of attempts) {
            const sameGrants = JSON.parse(
              JSON.stringify(attempt).replaceAll(
                /p(\d{3})(?=-s\d)/g,
                (_, digits: string) => `q${999 - Number(digits)}`,
              ),
            ) as ContextualRequest;
            expect(unordered(rename(other(sameGrants)))).toEqual(unordered(one(attempt)));
          }
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'treats an errored blocking rule as one that matched, and an errored other rule as one that did not',
    () => {
      fc.assert(
        fc.property(bundle(), requests, (given, attempts) => {
          const plain = {
            ...given,
            // An error in a set's own scope cannot be settled rule by rule.
            sets: given.sets.map(({ tenant: _t, workspace: _w, environments: _e, ...set }) => ({
              ...set,
              // What an allow lifts of a denial it does not lift of a redaction or a limit that erred.
              policies: set.policies.filter((one) => set.combining !== 'deny_overrides' || !isNarrowing(one)),
            })),
          };
          const evaluate = engineVerdict(plain);
          for (const attempt of attempts) {
            const verdict = evaluate(attempt);
            const erred = new Set(verdict.errors.map((error) => error.policy));
            if (erred.size === 0) continue;
            const settled = withPolicies(plain, (policy) => {
              if (!erred.has(policy.slug)) return [policy];
              const { on: _on, scope: _scope, ...rest } = policy;
              // Something must stay loaded, or everything is denied for that reason.
              const never = { field: 'agent', operator: 'exists', value: false };
              const never2 = { field: 'agent', operator: 'exists', value: true };
              const impossible = { operator: 'and', conditions: [never, never2] };
              return [isBlocking(policy) ? { ...rest, effect: 'deny', when: 'always' } : { ...rest, when: impossible }];
            });
            expect(engineVerdict(settled)(attempt).effect).toBe(verdict.effect);
          }
        }),
        { numRuns: Math.max(1, Math.ceil(SHORT.numRuns / 2)) },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'never allows past an errored blocking rule that no deny_overrides allow lifts',
    () => {
      fc.assert(
        fc.property(bundle(), requests, (given, attempts) => {
          const blocking = new Set(
            given.sets.flatMap((set) =>
              set.policies
                .filter((policy) => (set.combining === 'deny_overrides' ? isNarrowing(policy) : isBlocking(policy)))
                .map(({ slug }) => slug),
            ),
          );
          const evaluate = engineVerdict(given);
          for (const attempt of attempts) {
            const verdict = evaluate(attempt);
            const blocked = verdict.errors.some((error) => blocking.has(error.policy));
            expect(blocked && verdict.effect === 'allow').toBe(false);
          }
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'never lets a further set loosen what others denied',
    () => {
      fc.assert(
        fc.property(bundle(), policySet(), requests, (given, extra, attempts) => {
          const more = { ...given, sets: [...given.sets, { ...extra, name: 'extra' }] };
          const [before, after] = [engineVerdict(given), engineVerdict(more)];
          for (const attempt of attempts) {
            expect(isDenied(before(attempt)) && !isDenied(after(attempt))).toBe(false);
          }
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'does not depend on the order of the conditions in a group',
    () => {
      fc.assert(
        fc.property(bundle(), fc.infiniteStream(fc.nat()), requests, (given, keys, attempts) => {
          const mixed = withPolicies(given, (policy) => [{ ...policy, when: shuffleCondition(policy.when, keys) }]);
          const [one, other] = [engineVerdict(given), engineVerdict(mixed)];
          for (const attempt of attempts) {
            const [a, b] = [one(attempt), other(attempt)];
            // Which of several errors is named, and the order of the fields read, follow the text; nothing else does.
            expect({ effect: b.effect, deny: b.deny, errors: b.errors.map((error) => error.policy) }).toEqual({
              effect: a.effect,
              deny: a.deny,
              errors: a.errors.map((error) => error.policy),
            });
            expect(b.matched.map((rule) => rule.policy)).toEqual(a.matched.map((rule) => rule.policy));
          }
        }),
        SHORT,
      );
    },
    TIMEOUT_MS,
  );
});

function shuffle<T>(list: readonly T[], keys: Iterator<number>): readonly T[] {
  return list
    .map((item) => [Number(keys.next().value), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function shuffleCondition(condition: Json, keys: Iterator<number>): Json {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) return condition;
  const { conditions, ...rest } = condition as JsonObject;
  if (!Array.isArray(conditions)) return condition;
  return {
    ...rest,
    conditions: shuffle(conditions as readonly Json[], keys).map((child) => shuffleCondition(child, keys)),
  };
}
