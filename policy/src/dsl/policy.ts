import type { JsonObject } from '../model/request.js';
import { compileCondition } from './condition.js';
import { parseEffect } from './effects.js';
import { finishPolicy, onMissing, type PolicyContext, type PolicyIr, type PolicySource } from './policy-head.js';
import { reportShape } from './shape-problems.js';

/** Compiles one policy of the DSL. Reports every problem and then returns nothing. */
export function compilePolicy(
  source: PolicySource,
  { set, findings, schemas, bundle }: PolicyContext,
): PolicyIr | undefined {
  const before = findings.count;
  const { document } = source;
  const schema = schemas.dsl;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    findings.add(source, '', 'ERR_POLICY_SHAPE', 'expected a policy: an object with name, when, effect and priority');
    return undefined;
  }
  const written = document as JsonObject;
  const parsed = schema.safeParse(written);
  if (!parsed.success) {
    reportShape(parsed.error, { where: source, findings, known: Object.keys(schema.shape) });
  }
  const effect = parseEffect(written['effect'], source, findings, schemas.effects);
  const when = written['when'];
  if (when === undefined) {
    findings.add(source, '', 'ERR_POLICY_SHAPE', 'when is missing; a policy that always applies says "when: always"');
  }
  // An unusable effect must not hide what is wrong with the condition, whose check does not depend on it.
  const blocking = effect === undefined ? true : onMissing(effect.type, set);
  const condition =
    when === undefined ? undefined : compileCondition(when, { where: source, findings, blocking, bundle });
  if (!parsed.success || effect === undefined || condition === undefined) return undefined;

  return finishPolicy(parsed.data, source, { set, findings, before }, (shape, scope) => ({
    active: (shape.status ?? 'active') === 'active',
    rule: { effect, priority: shape.priority, scope: scope(shape.on, effect.type), when: condition },
  }));
}
