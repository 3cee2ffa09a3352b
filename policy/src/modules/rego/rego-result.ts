import { z } from 'zod';
import { MAX_USER_MESSAGE, parseEffect, REASON_CODE } from '../../dsl/effects.js';
import { createFindings } from '../../dsl/findings.js';
import { SLUG } from '../../dsl/schema.js';
import type { ModuleIr, RuleIr } from '../../engine/ir.js';
import type { Json, JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { placeIn, shownName } from '../module-files.js';
import type { ModuleFinding } from '../module-verdict.js';

/** The file with the compiled policies. */
export const REGO_PROGRAM = 'policy.wasm';

const id = () => z.string().max(128).regex(SLUG);
const reason = () =>
  z.strictObject({
    id: id().optional(),
    code: z.string().regex(REASON_CODE).optional(),
    message: z.string().min(1).max(MAX_USER_MESSAGE).optional(),
  });
const listOf = <S extends z.ZodType>(element: S) => z.array(element).max(MODULE_LIMITS.rego.findings);

/** What a Rego entrypoint may say. */
export type RegoShape = ReturnType<typeof buildShape>;

/** Builds {@link RegoShape}; build it once per module. */
export function regoShape(): RegoShape {
  return buildShape();
}

function buildShape() {
  // A hold without an id of its own could be mistaken for another that people agreed to.
  const hold = z.looseObject({ id: id(), type: z.enum(['require_approval', 'require_hitl']) });
  const further = z.looseObject({ id: id().optional(), type: z.enum(['log_only', 'escalate', 'redact', 'limit']) });
  const decision = z.strictObject({
    allow: z.boolean().optional(),
    deny: listOf(z.union([z.string().min(1).max(MAX_USER_MESSAGE), reason()])).optional(),
    hold: z.union([hold, listOf(hold)]).optional(),
    effects: listOf(further).optional(),
  });
  return z.union([z.boolean(), decision]);
}

type Decision = Exclude<z.output<RegoShape>, boolean>;

/** What an evaluation says; `undefined` in Rego says nothing. A result of the wrong shape is a fault of the module. */
export function readRegoResult(ir: ModuleIr, shape: RegoShape, results: unknown): readonly ModuleFinding[] {
  if (Array.isArray(results) && results.length === 0) return [];
  const [only] = Array.isArray(results) && results.length === 1 ? (results as readonly unknown[]) : [];
  const parsed = shape.safeParse((only as { readonly result?: unknown } | undefined)?.result);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    return [faultOf(ir, `${ir.entrypoint ?? ''} gave a result of the wrong shape${at}`)];
  }
  const value = parsed.data;
  if (typeof value === 'boolean') return [spoken(ir, { allow: value })].flat();
  return spoken(ir, value);
}

function spoken(ir: ModuleIr, decision: Decision): readonly ModuleFinding[] {
  const findings: ModuleFinding[] = [];
  const add = (id: string | undefined, effect: JsonObject): void => {
    const compiled = parseEffect(effect, placeIn(ir, REGO_PROGRAM), createFindings());
    const type = effect['type'] as string;
    if (compiled !== undefined) findings.push({ rule: ruleOf(ir, id ?? ir.name, compiled) });
    else findings.push(faultOf(ir, `${ir.entrypoint ?? ''} gave a ${type} of the wrong shape`));
  };
  for (const item of decision.deny ?? []) {
    const { id, code, message } =
      typeof item === 'string' ? ({ message: item } as z.output<ReturnType<typeof reason>>) : item;
    add(id, {
      type: 'deny',
      ...(code === undefined ? {} : { deny_reason_code: code }),
      ...(message === undefined ? {} : { deny_user_message: message }),
    });
  }
  for (const { id, code, message, ...item } of [decision.hold ?? []].flat()) {
    add(id, {
      ...(item as JsonObject),
      ...(code === undefined ? {} : { deny_reason_code: code as Json }),
      ...(message === undefined ? {} : { deny_user_message: message as Json }),
    });
  }
  for (const { id, ...item } of decision.effects ?? []) add(id, item as JsonObject);
  if (decision.allow === true) add(undefined, { type: 'allow' });
  // Said outright, "not allowed" is a denial; who has no opinion leaves `allow` undefined.
  if (decision.allow === false && findings.every(({ rule }) => rule.effect.type !== 'deny'))
    add(undefined, { type: 'deny' });
  return findings;
}

/** A module without a value denies: it might have. */
export function faultOf(ir: ModuleIr, fault: string): ModuleFinding {
  return { rule: ruleOf(ir, ir.name, { type: 'deny' }), fault };
}

function ruleOf(ir: ModuleIr, id: string, effect: RuleIr['effect']): RuleIr {
  return {
    id,
    name: id,
    effect,
    priority: 0,
    scope: [],
    when: { node: 'and', of: [] },
    frameworks: [],
    file: shownName(ir, REGO_PROGRAM),
    line: 1,
    column: 1,
  };
}
