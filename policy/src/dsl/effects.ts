import { RULE_EFFECTS, type RuleEffect } from '../model/decision.js';
import type { Json, JsonObject } from '../model/request.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import { childPath } from './source-document.js';

/** An effect that this version compiles. */
export type CompiledEffect =
  | { readonly type: 'allow' }
  | { readonly type: 'log_only' }
  | { readonly type: 'deny'; readonly code?: string; readonly message?: string };
/** The names of the effects that this version compiles. */
export type CompiledEffectType = CompiledEffect['type'];

/** Everything the compiler knows about one effect, in one place. A new effect is a row here and a member above. */
interface EffectRow {
  /** Whether an error in the rule's condition must count as a denial, and a missing negated field as a match. */
  readonly blocks: boolean;
  /** The keys it takes besides `type`. */
  readonly keys: readonly string[];
  readonly compile: (effect: JsonObject) => CompiledEffect;
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

const EFFECTS = {
  allow: { blocks: false, keys: [], compile: () => ({ type: 'allow' }) },
  deny: {
    blocks: true,
    keys: ['deny_reason_code', 'deny_user_message'],
    compile: (effect) => {
      const code = text(effect['deny_reason_code']);
      const message = text(effect['deny_user_message']);
      return {
        type: 'deny',
        ...(code === undefined ? {} : { code }),
        ...(message === undefined ? {} : { message }),
      };
    },
  },
  log_only: { blocks: false, keys: [], compile: () => ({ type: 'log_only' }) },
} as const satisfies Record<CompiledEffectType, EffectRow>;

/** The effects of the language that this version compiles. */
export const COMPILED_EFFECTS: readonly CompiledEffectType[] = Object.keys(EFFECTS) as CompiledEffectType[];

/** Whether a rule with this effect stands in the way, so that doubt about its condition must too. */
export function effectBlocks(effect: CompiledEffectType): boolean {
  return EFFECTS[effect].blocks;
}

/** The pattern of an author's reason code. */
export const REASON_CODE = /^[A-Za-z0-9_.:-]{1,128}$/;
/** The longest message to a user, in UTF-16 units. */
export const MAX_USER_MESSAGE = 2000;

/** Reads `effect`: `{type: deny, …}` or just `deny`. Reports what is wrong and then returns nothing. */
export function parseEffect(value: Json | undefined, where: Excerpt, findings: Findings): CompiledEffect | undefined {
  const path = 'effect';
  const before = findings.count;
  if (value === undefined) {
    findings.add(where, '', 'ERR_POLICY_SHAPE', 'effect is missing');
    return undefined;
  }
  const written: JsonObject | undefined = typeof value === 'string' ? { type: value } : asObject(value);
  const type = written?.['type'];
  if (written === undefined || typeof type !== 'string') {
    findings.add(where, path, 'ERR_POLICY_SHAPE', 'effect is a name, or an object with a type');
    return undefined;
  }
  const typePath = typeof value === 'string' ? path : childPath(path, 'type');
  if (!isCompiled(type)) {
    if ((RULE_EFFECTS as readonly string[]).includes(type)) {
      const compiled = COMPILED_EFFECTS.join(', ');
      const message = `the effect "${type}" is not compiled by this version (it compiles ${compiled})`;
      findings.add(where, typePath, 'ERR_POLICY_EFFECT_UNSUPPORTED', message);
    } else {
      const message = `unknown effect "${type}"${didYouMean(type, RULE_EFFECTS as readonly RuleEffect[])}`;
      findings.add(where, typePath, 'ERR_POLICY_EFFECT_UNKNOWN', message);
    }
    return undefined;
  }
  const row: EffectRow = EFFECTS[type];
  for (const key of Object.keys(written)) {
    if (key === 'type' || row.keys.includes(key)) continue;
    const message = `the effect ${type} has no "${key}"${didYouMean(key, row.keys)}`;
    findings.add(where, childPath(path, key), 'ERR_POLICY_KEY_UNKNOWN', message, 'key');
  }
  checkText(written, 'deny_reason_code', REASON_CODE, 'a code of letters, digits and _ . : -', where, findings);
  checkText(
    written,
    'deny_user_message',
    /^.{1,2000}$/su,
    `a text of 1 to ${MAX_USER_MESSAGE} characters`,
    where,
    findings,
  );
  return findings.count === before ? row.compile(written) : undefined;
}

function isCompiled(type: string): type is CompiledEffectType {
  return Object.hasOwn(EFFECTS, type);
}

function asObject(value: Json): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function checkText(
  effect: JsonObject,
  key: string,
  pattern: RegExp,
  expected: string,
  where: Excerpt,
  findings: Findings,
): void {
  const value = effect[key];
  if (value === undefined || (typeof value === 'string' && pattern.test(value))) return;
  findings.add(where, childPath('effect', key), 'ERR_POLICY_SHAPE', `${key} must be ${expected}`);
}
