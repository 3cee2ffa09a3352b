import type { z } from 'zod';
import type { Combining, FrameworkClause, LeafIr, RuleIr, WhenMissing } from '../engine/ir.js';
import type { RuleEffect } from '../model/decision.js';
import type { AttemptKind, Environment, Json } from '../model/request.js';
import type { BundleContext } from './condition.js';
import { type EffectSchemas, effectBlocks, effectNarrows } from './effects.js';
import type { Excerpt, Findings } from './findings.js';
import type { PolicyShapeSchema, TypedPolicyShapeSchema } from './schema.js';
import { childPath } from './source-document.js';

/** One policy of the source: its document and where it stands. */
export interface PolicySource extends Excerpt {
  readonly document: Json;
}

/** The environments that a set speaks of: these only, or all but these. */
export type EnvironmentScope = { readonly only: readonly Environment[] } | { readonly except: readonly Environment[] };

/** What the set around a policy adds to it. */
export interface SetScope {
  readonly tenant?: string;
  readonly workspace?: string;
  readonly environments?: EnvironmentScope;
  readonly combining?: Combining;
}

/** A compiled policy before it has a place in its set's precedence order. */
export interface PolicyIr {
  readonly rule: RuleIr;
  readonly active: boolean;
  readonly createdAt: string | undefined;
}

/** The schemas of policy documents; build them once per bundle. */
export interface PolicySchemas {
  readonly dsl: PolicyShapeSchema;
  readonly typed: TypedPolicyShapeSchema;
  /** Those of the types' configs, by type; filled as they are met. */
  readonly configs: Map<string, z.ZodType>;
  readonly effects: EffectSchemas;
}

/** What compiling a policy needs besides its document. */
export interface PolicyContext {
  readonly set: SetScope;
  readonly findings: Findings;
  readonly schemas: PolicySchemas;
  /** Absent: the built-in fields only. */
  readonly bundle?: BundleContext;
}

/** What both kinds of policy document say about themselves. */
interface PolicyHead {
  readonly name: string;
  readonly slug?: string | undefined;
  readonly created_at?: string | undefined;
  readonly framework_mapping?: readonly FrameworkClause[] | undefined;
  readonly scope?: { readonly tenant?: string | undefined; readonly workspace?: string | undefined } | undefined;
}

/** What is the policy's own: everything of its rule that {@link finishPolicy} does not know. */
export interface PolicyBody {
  readonly active: boolean;
  readonly rule: Pick<RuleIr, 'effect' | 'priority' | 'scope' | 'when' | 'guard' | 'kind'>;
}

/**
 * Adds to a policy's body what every policy has: id, scope, place. Reports what is wrong with these, and returns nothing
 * when `findings` has grown since it counted `before`.
 */
export function finishPolicy<S extends PolicyHead>(
  shape: S,
  source: PolicySource,
  { set, findings, before }: { readonly set: SetScope; readonly findings: Findings; readonly before: number },
  body: (
    shape: S,
    scope: (on: readonly AttemptKind[] | undefined, effect: RuleEffect) => readonly LeafIr[],
  ) => PolicyBody,
): PolicyIr | undefined {
  const id = shape.slug ?? slugOf(shape.name);
  if (id === undefined) {
    findings.add(source, 'name', 'ERR_POLICY_SHAPE', 'no slug can be derived from this name; give the policy a slug');
    return undefined;
  }
  if (shape.created_at !== undefined && Number.isNaN(Date.parse(shape.created_at))) {
    findings.add(source, 'created_at', 'ERR_POLICY_SHAPE', 'there is no such time');
  }
  checkScope(shape, set, source, findings);
  if (findings.count > before) return undefined;
  const [line, column] = source.at('') ?? [1, 1];
  const { active, rule } = body(shape, (on, effect) =>
    scopeLeaves(shape, set, source, { on, whenMissing: onMissing(effect, set) }),
  );
  const frameworks = shape.framework_mapping ?? [];
  return {
    active,
    createdAt: shape.created_at,
    rule: { id, name: shape.name, ...rule, frameworks, file: source.file, line, column },
  };
}

/** What a rule of this effect makes of a field that is missing where its presence would matter. */
export function onMissing(effect: RuleEffect, { combining }: SetScope): WhenMissing {
  // There it lets the request through, redacted or limited: neither to apply it nor to skip it would be safe.
  if (effectNarrows(effect) && combining === 'first_match') return 'error';
  return effectBlocks(effect);
}

const COMBINING_MARKS = /\p{M}+/gu;
const NOT_SLUG = /[^a-z0-9]+/g;

/** `Finance Team — Réview` becomes `finance-team-review`; nothing when no letter or digit is left. */
export function slugOf(name: string): string | undefined {
  const slug = name
    .normalize('NFKD')
    .replace(COMBINING_MARKS, '')
    .toLowerCase()
    .replace(NOT_SLUG, '-')
    .slice(0, 128)
    .replace(/^-|-$/g, '');
  return slug === '' ? undefined : slug;
}

function checkScope(shape: PolicyHead, set: SetScope, source: PolicySource, findings: Findings): void {
  for (const part of ['tenant', 'workspace'] as const) {
    const own = shape.scope?.[part];
    const given = set[part];
    if (own !== undefined && given !== undefined && own !== given) {
      const message = `this policy is for the ${part} "${own}" and its set is for "${given}", so it would never apply`;
      findings.add(source, childPath('scope', part), 'ERR_POLICY_SCOPE_CONTRADICTS', message);
    }
  }
}

/** Scope and `on` are conditions like any other, so that the index, the errors and the read set treat them alike. */
function scopeLeaves(
  shape: Pick<PolicyHead, 'scope'>,
  set: SetScope,
  source: Pick<PolicySource, 'at'>,
  { on, whenMissing }: { readonly on: readonly AttemptKind[] | undefined; readonly whenMissing: WhenMissing },
): readonly LeafIr[] {
  const leaves: LeafIr[] = [];
  const positive = { node: 'leaf', negated: false, whenMissing: false } as const;
  const add = (field: string, path: string, literal: string | readonly string[]): void => {
    const operator = typeof literal === 'string' ? 'equals' : 'in';
    leaves.push({ ...positive, field, operator, written: operator, literal, path, line: source.at(path)?.[0] ?? 0 });
  };
  const tenant = shape.scope?.tenant ?? set.tenant;
  const workspace = shape.scope?.workspace ?? set.workspace;
  if (tenant !== undefined) add('tenant_id', 'scope.tenant', tenant);
  if (workspace !== undefined) add('context.workspace_id', 'scope.workspace', workspace);
  if (set.environments !== undefined) leaves.push(environmentLeaf(set.environments, whenMissing));
  if (on !== undefined) add('kind', 'on', [...new Set(on)]);
  return leaves;
}

/** What a set by itself asks of a request. */
export function setScopeLeaves(set: SetScope): readonly LeafIr[] {
  // A module may allow and deny, so neither to ask it nor to pass it over would be safe.
  return scopeLeaves({}, set, { at: () => undefined }, { on: undefined, whenMissing: 'error' });
}

function environmentLeaf(environments: EnvironmentScope, whenMissing: WhenMissing): LeafIr {
  const negated = 'except' in environments;
  return {
    node: 'leaf',
    field: 'context.environment',
    operator: 'in',
    written: negated ? 'not_in' : 'in',
    negated,
    literal: 'except' in environments ? environments.except : environments.only,
    // Whoever does not say where it runs may be in any of them: all that blocks applies, and nothing that allows.
    whenMissing,
    path: 'scope.environments',
    line: 0,
  };
}
