import { isUnclearToModels } from '../../content/redact/model-envelope.js';
import type { RuleIr } from '../../engine/ir.js';
import { ATTEMPT_KINDS, type AttemptKind } from '../../model/request.js';
import { leavesOf } from '../claim.js';
import type { FindingText } from './finding.js';
import { kindsOf } from './leaf-findings.js';

/**
 * Where somebody can carry out what a policy adds to an allow: nobody reads the bytes of a connection, and only a model gateway limits
 * answers. Elsewhere the enforcement point refuses (docs/reference/conditions.md).
 */
const ABLE = {
  redact: ATTEMPT_KINDS.filter((kind) => kind !== 'egress'),
  limit: ['inference'],
} as const satisfies Readonly<Record<string, readonly AttemptKind[]>>;

/** Whether a redaction or a limit stops attempts that it was meant to narrow, because nobody can carry it out on them. */
export function effectUnavailable(rule: RuleIr): readonly FindingText[] {
  const { type } = rule.effect;
  if (type !== 'redact' && type !== 'limit') return [];
  const isSaid = rule.scope.some(({ path }) => path === 'on');
  // What a condition leaves over without `on`, it may have been written to leave over.
  if (!isSaid && leavesOf(rule.when).length > 0) return [];
  return [...unfitKinds(rule, type), ...unclearPaths(rule)];
}

function unfitKinds(rule: RuleIr, type: keyof typeof ABLE): readonly FindingText[] {
  const able: readonly AttemptKind[] = ABLE[type];
  const unfit = kindsOf(rule).filter((kind) => !able.includes(kind));
  if (unfit.length === 0) return [];
  const message = `"${rule.name}" stops ${unfit.join(', ')}: nobody can carry out a ${type} there, and what cannot be carried out is refused`;
  return [{ code: 'LINT_EFFECT_UNAVAILABLE', message, path: 'effect', suggestion: `say on: [${able.join(', ')}]` }];
}

/** A model gateway cannot say what is meant, and refuses. */
function unclearPaths(rule: RuleIr): readonly FindingText[] {
  if (rule.effect.type !== 'redact' || !kindsOf(rule).includes('inference')) return [];
  const { fields = [], mask_fields: masked = [] } = rule.effect.config;
  const unclear = [
    ...fields.filter((path) => isUnclearToModels(path, false)),
    ...masked.filter((path) => isUnclearToModels(path, true)),
  ];
  return unclear.map((path) => ({
    code: 'LINT_EFFECT_UNAVAILABLE',
    message: `"${rule.name}" stops requests to models: in what they say, ${path} may be a member of the message itself, or all of it`,
    path: 'effect.redact_config',
    suggestion: 'say arguments.<member> or result.<member>, or leave inference out under on',
  }));
}
