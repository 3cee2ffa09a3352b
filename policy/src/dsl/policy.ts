import type { z } from 'zod';
import type { LeafIr, RuleIr } from '../engine/ir.js';
import type { Json, JsonObject } from '../model/request.js';
import { compileCondition } from './condition.js';
import { effectBlocks, parseEffect } from './effects.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import type { PolicyShape, PolicyShapeSchema } from './schema.js';
import { childPath } from './source-document.js';

/** One policy of the source: its document and where it stands. */
export interface PolicySource extends Excerpt {
  readonly document: Json;
}

/** What the set around a policy adds to it. */
export interface SetScope {
  readonly tenant?: string;
  readonly workspace?: string;
}

/** A compiled policy before it has a place in its set's precedence order. */
export interface PolicyIr {
  readonly rule: RuleIr;
  readonly active: boolean;
  readonly createdAt: string | undefined;
}

/** What compiling a policy needs besides its document. */
export interface PolicyContext {
  readonly set: SetScope;
  readonly findings: Findings;
  readonly schema: PolicyShapeSchema;
}

/** Compiles one policy. Reports every problem and then returns nothing. */
export function compilePolicy(source: PolicySource, { set, findings, schema }: PolicyContext): PolicyIr | undefined {
  const before = findings.count;
  const { document } = source;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    findings.add(source, '', 'ERR_POLICY_SHAPE', 'expected a policy: an object with name, when, effect and priority');
    return undefined;
  }
  const written = document as JsonObject;
  const parsed = schema.safeParse(written);
  if (!parsed.success) {
    reportShape(parsed.error, { where: source, findings, known: Object.keys(schema.shape) });
  }
  const effect = parseEffect(written['effect'], source, findings);
  const when = written['when'];
  if (when === undefined) {
    findings.add(source, '', 'ERR_POLICY_SHAPE', 'when is missing; a policy that always applies says "when: always"');
  }
  // An unusable effect must not hide what is wrong with the condition, whose check does not depend on it.
  const blocking = effect === undefined ? true : effectBlocks(effect.type);
  const condition = when === undefined ? undefined : compileCondition(when, { where: source, findings, blocking });
  if (!parsed.success || effect === undefined || condition === undefined) return undefined;

  const shape = parsed.data;
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
  return {
    active: (shape.status ?? 'active') === 'active',
    createdAt: shape.created_at,
    rule: {
      id,
      name: shape.name,
      effect,
      priority: shape.priority,
      scope: scopeLeaves(shape, set, source),
      when: condition,
      frameworks: shape.framework_mapping ?? [],
      file: source.file,
      line,
      column,
    },
  };
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

function checkScope(shape: PolicyShape, set: SetScope, source: PolicySource, findings: Findings): void {
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
function scopeLeaves(shape: PolicyShape, set: SetScope, source: PolicySource): readonly LeafIr[] {
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
  if (shape.on !== undefined) add('kind', 'on', [...new Set(shape.on)]);
  return leaves;
}

/** Where zod's issues belong, and the keys that are known at the top. */
export interface ShapeContext {
  readonly where: Excerpt;
  readonly findings: Findings;
  readonly known: readonly string[];
}

/** Turns zod's issues into problems at the place of each value. */
export function reportShape(error: z.ZodError, { where, findings, known }: ShapeContext): void {
  for (const issue of error.issues) {
    const path = issue.path.reduce<string>(
      (parent, part) => childPath(parent, typeof part === 'number' ? part : String(part)),
      '',
    );
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const message = `unknown key "${key}"${path === '' ? didYouMean(key, known) : ''}`;
        findings.add(where, childPath(path, key), 'ERR_POLICY_KEY_UNKNOWN', message, 'key');
      }
      continue;
    }
    const missing = where.at(path) === undefined || !hasValue(issue);
    findings.add(
      where,
      path,
      'ERR_POLICY_SHAPE',
      missing ? `${path} is missing` : `${path || 'the document'}: ${lowerFirst(issue.message)}`,
    );
  }
}

// Zod says "received undefined" of a key that is not there.
function hasValue(issue: z.core.$ZodIssue): boolean {
  return !issue.message.endsWith('received undefined');
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
