import { compileCondition } from '../dsl/condition.js';
import { type CompiledEffect, DEFAULT_HITL_GROUP, DEFAULT_HOLD_SECONDS } from '../dsl/effects.js';
import { didYouMean } from '../dsl/nearest.js';
import { finishPolicy, onMissing, type PolicyContext, type PolicyIr, type PolicySource } from '../dsl/policy-head.js';
import type { TypedPolicyShape } from '../dsl/schema.js';
import { reportShape } from '../dsl/shape-problems.js';
import type { ConditionIr } from '../engine/ir.js';
import { assertNever } from '../model/exhaustive.js';
import type { Json, JsonObject } from '../model/request.js';
import type { KindRule } from './kind.js';
import { isPolicyType, POLICY_TYPES, policyKind } from './registry.js';

/** Whether a document is a typed policy (seed 003) and not one of the DSL (seed 002). */
export function isTypedPolicy(document: Json): document is JsonObject {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return false;
  const written = document as JsonObject;
  return !Object.hasOwn(written, 'effect') && (Object.hasOwn(written, 'type') || Object.hasOwn(written, 'config'));
}

/** Compiles one typed policy to the same rule that the DSL compiles to. Reports every problem and then returns nothing. */
export function compileTypedPolicy(source: PolicySource, context: PolicyContext): PolicyIr | undefined {
  const { set, findings, schemas, bundle } = context;
  const before = findings.count;
  const written = source.document as JsonObject;
  const parsed = schemas.typed.safeParse(written);
  if (!parsed.success) {
    reportShape(parsed.error, { where: source, findings, known: Object.keys(schemas.typed.shape) });
  }
  const type = written['type'];
  if (typeof type !== 'string') return undefined;
  if (!isPolicyType(type)) {
    const message = `unknown policy type "${type}"${didYouMean(type, POLICY_TYPES)}`;
    findings.add(source, 'type', 'ERR_POLICY_TYPE_UNKNOWN', message);
    return undefined;
  }
  const kind = policyKind(type);
  // Building a schema costs a hundred times what compiling with it does.
  const configSchema = schemas.configs.get(type) ?? kind.config();
  schemas.configs.set(type, configSchema);
  const config = configSchema.safeParse(written['config'] ?? {});
  if (!config.success) {
    const { shape } = configSchema as { readonly shape?: Readonly<Record<string, unknown>> };
    reportShape(config.error, { where: source, findings, known: Object.keys(shape ?? {}), base: 'config' });
  }
  if (!parsed.success || !config.success) return undefined;
  const shape = parsed.data;
  if (!kind.actions.includes(shape.action)) {
    const message = `a ${type} policy cannot ${shape.action} (it can ${kind.actions.join(', ')})`;
    findings.add(source, 'action', 'ERR_POLICY_SHAPE', message);
    return undefined;
  }
  const rule = kind.compile(config.data);
  if (shape.action === 'allow' && rule.guard !== undefined) {
    findings.add(source, 'action', 'ERR_POLICY_SHAPE', 'a quota limits what something else allows; it cannot allow');
    return undefined;
  }
  const effect = effectOf(shape, rule);
  const blocking = onMissing(effect.type, set);
  const complies = rule.compliance ?? { operator: 'not', conditions: [rule.violation] };
  const when = shape.action === 'allow' ? complies : rule.violation;
  const condition = compileCondition(when, {
    where: source,
    findings,
    blocking,
    bundle,
    base: 'config',
    internal: true,
  });
  const limits = written['when'];
  const narrowed =
    limits === undefined ? EVERYTHING : compileCondition(limits, { where: source, findings, blocking, bundle });
  if (condition === undefined || narrowed === undefined) return undefined;
  return finishPolicy(shape, source, { set, findings, before }, (head, scope) => ({
    active: head.enabled ?? true,
    rule: {
      effect,
      priority: head.priority,
      scope: scope(head.on ?? kind.on, effect.type),
      when: limits === undefined ? condition : { node: 'and', of: [narrowed, condition] },
      kind: type,
      ...(rule.guard === undefined ? {} : { guard: rule.guard }),
    },
  }));
}

const EVERYTHING: ConditionIr = { node: 'and', of: [] };

function effectOf(shape: TypedPolicyShape, { denial }: KindRule): CompiledEffect {
  const { action } = shape;
  const code = shape.deny_reason_code ?? denial.code;
  const message = shape.deny_user_message ?? denial.message;
  switch (action) {
    case 'allow':
    case 'log_only':
      return { type: action };
    case 'deny':
      return { type: 'deny', code, message };
    case 'escalate':
      return {
        type: 'require_hitl',
        group: shape.group ?? DEFAULT_HITL_GROUP,
        quorum: 1,
        expires: DEFAULT_HOLD_SECONDS,
        code,
        message,
      };
    default:
      return assertNever(action);
  }
}
