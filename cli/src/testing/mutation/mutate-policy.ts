import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject, pathOf, removeAt, replaceAt, type Steps } from './edit.js';
import { droppedMembers, literalChanges } from './literal-changes.js';

/** What kinds of change are made. Closed. */
export const MUTATION_KINDS = [
  'negate_condition',
  'drop_condition',
  'swap_and_or',
  'change_literal',
  'change_config',
  'flip_effect',
  'drop_scope',
  'remove_policy',
  'swap_priority',
] as const;
/** See {@link MUTATION_KINDS}. */
export type MutationKind = (typeof MUTATION_KINDS)[number];

/** A policy's document with one thing changed. */
export interface PolicyMutation {
  readonly kind: MutationKind;
  /** The place inside the policy. */
  readonly path: string;
  /** What was changed, for people. */
  readonly what: string;
  /** Nothing when the policy is gone. */
  readonly document: Json | undefined;
}

/** Every change of one policy by itself. Those that do not compile are left to the compiler to tell. */
export function mutatePolicy(document: Json): readonly PolicyMutation[] {
  if (!isObject(document)) return [];
  const mutations: PolicyMutation[] = [];
  const { when, config } = document;
  if (when !== undefined) mutations.push(...mutateCondition(document, ['when'], when, false));
  if (isObject(config)) mutations.push(...mutateConfig(document, ['config'], config));
  mutations.push(...flipEffect(document), ...dropScope(document));
  mutations.push({ kind: 'remove_policy', path: '', what: 'the policy was removed', document: undefined });
  return mutations;
}

function mutateCondition(document: Json, steps: Steps, node: Json, underNot: boolean): readonly PolicyMutation[] {
  if (!isObject(node)) return [];
  const path = pathOf(steps);
  const { conditions, operator } = node;
  if (!Array.isArray(conditions)) return mutateLeaf(document, steps, node, underNot);
  const children = conditions as readonly Json[];
  const mutations: PolicyMutation[] = [];
  if (operator === 'not') {
    const [only] = children;
    if (only !== undefined) {
      const without = replaceAt(document, steps, only);
      mutations.push({ kind: 'negate_condition', path, what: 'not was left out', document: without });
    }
  } else if ((operator === 'and' || operator === 'or') && children.length > 1) {
    const other = operator === 'and' ? 'or' : 'and';
    const swapped = replaceAt(document, [...steps, 'operator'], other);
    mutations.push({ kind: 'swap_and_or', path, what: `${operator} became ${other}`, document: swapped });
    for (const index of children.keys()) {
      const at = [...steps, 'conditions', index];
      const what = 'the condition was left out of its group';
      mutations.push({ kind: 'drop_condition', path: pathOf(at), what, document: removeAt(document, at) });
    }
  }
  for (const [index, child] of children.entries()) {
    mutations.push(...mutateCondition(document, [...steps, 'conditions', index], child, operator === 'not'));
  }
  return mutations;
}

function mutateLeaf(document: Json, steps: Steps, leaf: JsonObject, underNot: boolean): readonly PolicyMutation[] {
  const path = pathOf(steps);
  const mutations: PolicyMutation[] = [];
  // Right under `not`, that `not` is left out instead: the same change.
  if (!underNot) {
    const negated = replaceAt(document, steps, { operator: 'not', conditions: [leaf] });
    mutations.push({ kind: 'negate_condition', path, what: 'the condition was negated', document: negated });
  }
  if (steps.length === 1) {
    const always = replaceAt(document, steps, 'always');
    mutations.push({ kind: 'drop_condition', path, what: 'the condition became "always"', document: always });
  }
  const { operator, value } = leaf;
  if (typeof operator !== 'string' || value === undefined) return mutations;
  for (const change of literalChanges(operator, value)) {
    const changed = { ...leaf, value: change.value, operator: change.operator ?? operator };
    mutations.push({ kind: 'change_literal', path, what: change.what, document: replaceAt(document, steps, changed) });
  }
  return mutations;
}

/** A config's numbers one up and one down, its lists one member short, its switches turned. */
function mutateConfig(document: Json, steps: Steps, value: Json): readonly PolicyMutation[] {
  const path = pathOf(steps);
  const change = (to: Json, what: string): PolicyMutation => ({
    kind: 'change_config',
    path,
    what,
    document: replaceAt(document, steps, to),
  });
  if (typeof value === 'number') return [value + 1, value - 1].map((to) => change(to, `${value} became ${to}`));
  if (typeof value === 'boolean') return [change(!value, `${value} became ${!value}`)];
  if (Array.isArray(value)) {
    const elements = value as readonly Json[];
    const dropped = droppedMembers(elements).map(({ value, what }) => change(value, what));
    return [
      ...dropped,
      ...elements.flatMap((element, index) =>
        isContainer(element) ? mutateConfig(document, [...steps, index], element) : [],
      ),
    ];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => mutateConfig(document, [...steps, name], member));
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}

const FLIPPED: Readonly<Record<string, string>> = {
  allow: 'deny',
  deny: 'allow',
  require_approval: 'allow',
  require_hitl: 'allow',
};
/** A typed policy's `escalate` holds; only recording is its opposite. */
const FLIPPED_ACTION: Readonly<Record<string, string>> = { allow: 'deny', deny: 'allow', escalate: 'log_only' };

function flipEffect(document: JsonObject): readonly PolicyMutation[] {
  const { effect, action } = document;
  if (typeof action === 'string') {
    const to = FLIPPED_ACTION[action];
    if (to === undefined) return [];
    const flipped = replaceAt(document, ['action'], to);
    return [{ kind: 'flip_effect', path: 'action', what: `${action} became ${to}`, document: flipped }];
  }
  const type = isObject(effect) ? effect['type'] : effect;
  const to = typeof type === 'string' ? FLIPPED[type] : undefined;
  if (typeof type !== 'string' || to === undefined) return [];
  const flipped = replaceAt(document, ['effect'], to);
  return [{ kind: 'flip_effect', path: 'effect', what: `${type} became ${to}`, document: flipped }];
}

function dropScope(document: JsonObject): readonly PolicyMutation[] {
  const mutations: PolicyMutation[] = [];
  const { on, scope } = document;
  if (on !== undefined) {
    mutations.push({ kind: 'drop_scope', path: 'on', what: 'on was left out', document: removeAt(document, ['on']) });
  }
  if (!isObject(scope)) return mutations;
  for (const key of Object.keys(scope)) {
    const steps: Steps = Object.keys(scope).length === 1 ? ['scope'] : ['scope', key];
    const what = `scope.${key} was left out`;
    mutations.push({ kind: 'drop_scope', path: `scope.${key}`, what, document: removeAt(document, steps) });
  }
  return mutations;
}
