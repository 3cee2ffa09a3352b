import { RE2JS } from 're2js';
import { z } from 'zod';
import type { RuleEffect } from '../model/decision.js';
import { RULE_EFFECTS } from '../model/decision.js';
import type { Json, JsonObject } from '../model/request.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import { reportShape } from './shape-problems.js';
import { childPath } from './source-document.js';

/** What a person who has to agree is asked by, and for how long. */
interface HoldTerms {
  /** Distinct people who must agree. */
  readonly quorum: number;
  /** Seconds after which the question lapses. */
  readonly expires: number;
  readonly code?: string;
  readonly message?: string;
}

/** An effect as the engine takes it. */
export type CompiledEffect = Effect & {
  /** Who is told after the answer, whatever it was; names of channels of the PDP's. */
  readonly notify?: readonly string[];
  /** Whether what the attempt was thought to be after is put on record. */
  readonly logIntentSignals?: true;
};

type Effect =
  | { readonly type: 'allow' }
  | { readonly type: 'log_only' }
  | { readonly type: 'deny'; readonly code?: string; readonly message?: string }
  | { readonly type: 'redact'; readonly config: RedactConfig }
  | { readonly type: 'limit'; readonly maxTokens: number }
  | ({ readonly type: 'require_approval'; readonly role: string } & HoldTerms)
  | ({ readonly type: 'require_hitl'; readonly group: string } & HoldTerms)
  | { readonly type: 'escalate'; readonly reason?: string };

/** The pattern of an author's reason code. */
export const REASON_CODE = /^[A-Za-z0-9_.:-]{1,128}$/;
/** The longest message to a user, in UTF-16 units. */
export const MAX_USER_MESSAGE = 2000;
/** Whom a `require_approval` asks that names no role (seed 002: "the administrator is notified"). */
export const DEFAULT_APPROVAL_ROLE = 'admin';
/** Whom a `require_hitl` asks that names no group. */
export const DEFAULT_HITL_GROUP = 'reviewers';
/** Seconds that a hold waits for an answer when the policy does not say. */
export const DEFAULT_HOLD_SECONDS = 3600;

/** The highest limit of a `limit`. */
export const MAX_TOKEN_LIMIT = 100_000_000;

/** What redaction does with a match (contracts §8). */
export const REDACT_METHODS = ['mask', 'hash', 'drop', 'tokenize'] as const;

const reasonCode = () =>
  z
    .string()
    .regex(REASON_CODE, 'deny_reason_code must be a code of letters, digits and _ . : -')
    .describe('Your own code; callers see it as reason_code.')
    .optional();
const userMessage = () =>
  z
    .string()
    .regex(/^.{1,2000}$/su, `deny_user_message must be a text of 1 to ${MAX_USER_MESSAGE} characters`)
    .describe('What the caller is told.')
    .optional();
const name = () => z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected a name of letters, digits and . _ -');
/** What every effect takes. */
const shared = () => ({
  notify: z
    .array(name())
    .min(1)
    .max(8)
    .refine((names) => new Set(names).size === names.length, 'expected each name once')
    .describe('Webhooks of the PDP that are told after the answer, whatever the decision is; by their names.')
    .optional(),
  log_intent_signals: z
    .literal(true)
    .describe('Puts the signals of `intent_risk` on record after the answer, whatever the decision is.')
    .optional(),
});
const holdTerms = () => ({
  quorum: z.int().min(1).max(10).describe('Distinct people who must agree; 1 when absent.').optional(),
  expires_seconds: z
    .int()
    .min(30)
    .max(30 * 24 * 3600)
    .describe(`How long the question waits; ${DEFAULT_HOLD_SECONDS} when absent.`)
    .optional(),
  deny_reason_code: reasonCode(),
  deny_user_message: userMessage(),
});

const fieldPaths = () =>
  z
    .array(
      z
        .string()
        .max(512)
        .regex(/^[^.]+(?:\.[^.]+)*$/, 'expected names with dots between them, such as arguments.user.ssn'),
    )
    .min(1)
    .max(100);
const redactConfig = () =>
  z.strictObject({
    mask_fields: fieldPaths()
      .describe(
        'Members that are masked whatever they say; then nothing is searched for, and no other key may be there. Adds a condition ' +
          '`mask_fields`.',
      )
      .optional(),
    fields: fieldPaths().describe('Paths whose texts are searched; every text of the payload when absent.').optional(),
    detectors: z.array(name()).min(1).max(100).describe('Recognisers by name; the default set when absent.').optional(),
    patterns: z
      .array(z.string().min(1).max(2048).refine(isPattern, 'not an RE2 pattern'))
      .min(1)
      .max(100)
      .describe('Further RE2 patterns.')
      .optional(),
    method: z.enum(REDACT_METHODS).describe('What happens to a match; mask when absent.').optional(),
    placeholder: z.string().max(100).describe('What a masked match turns into.').optional(),
    ner: z.boolean().describe('Also ask the contextual recogniser; false when absent.').optional(),
    direction: z.enum(['request', 'response', 'both']).describe('both when absent.').optional(),
  });
/** How to redact, as written. */
export type RedactConfig = z.output<ReturnType<typeof redactConfig>>;

function isPattern(text: string): boolean {
  try {
    return RE2JS.compile(text).programSize() > 0;
  } catch {
    return false;
  }
}

/** Everything the compiler knows about one effect, in one place. A new effect is a row here and a member above. */
interface EffectRow {
  /** Whether an error in the rule's condition must count as a denial, and a missing negated field as a match. */
  readonly blocks: boolean;
  /** The keys it takes besides `type`. */
  readonly keys: () => z.ZodRawShape;
  readonly compile: (effect: JsonObject) => Effect;
}

const EFFECTS = {
  allow: { blocks: false, keys: () => ({}), compile: () => ({ type: 'allow' }) },
  deny: {
    blocks: true,
    keys: () => ({ deny_reason_code: reasonCode(), deny_user_message: userMessage() }),
    compile: (effect) => ({ type: 'deny', ...denial(effect) }),
  },
  log_only: { blocks: false, keys: () => ({}), compile: () => ({ type: 'log_only' }) },
  // Doubt about whether to redact must not let the content through as it is.
  redact: {
    blocks: true,
    keys: () => ({
      redact_config: redactConfig()
        .refine((config) => config.mask_fields === undefined || Object.keys(config).length === 1, {
          path: ['mask_fields'],
          message: 'mask_fields stands by itself: say in another policy what is searched for',
        })
        .optional(),
    }),
    compile: (effect) => ({ type: 'redact', config: (effect['redact_config'] ?? {}) as RedactConfig }),
  },
  // So must doubt about whether to limit; what may be used without a limit is not known.
  limit: {
    blocks: true,
    keys: () => ({
      max_tokens: z
        .int()
        .min(1)
        .max(MAX_TOKEN_LIMIT)
        .describe('Tokens that the answer of a model may have at most; the least of several limits counts.'),
    }),
    compile: (effect) => ({ type: 'limit', maxTokens: effect['max_tokens'] as number }),
  },
  require_approval: {
    blocks: true,
    keys: () => ({ role: name().describe('Who may approve.').optional(), ...holdTerms() }),
    compile: (effect) => ({
      type: 'require_approval',
      role: (effect['role'] ?? DEFAULT_APPROVAL_ROLE) as string,
      ...terms(effect),
    }),
  },
  require_hitl: {
    blocks: true,
    keys: () => ({ group: name().describe('Who reviews.').optional(), ...holdTerms() }),
    compile: (effect) => ({
      type: 'require_hitl',
      group: (effect['group'] ?? DEFAULT_HITL_GROUP) as string,
      ...terms(effect),
    }),
  },
  escalate: {
    blocks: false,
    keys: () => ({ reason: z.string().min(1).max(1000).describe('What a reviewer should look at.').optional() }),
    compile: (effect) => ({
      type: 'escalate',
      ...(effect['reason'] === undefined ? {} : { reason: effect['reason'] as string }),
    }),
  },
} as const satisfies Record<RuleEffect, EffectRow>;

/** What every effect may ask for besides. */
function afterwards({
  notify,
  log_intent_signals: isLogged,
}: JsonObject): Pick<CompiledEffect, 'notify' | 'logIntentSignals'> {
  return {
    ...(notify === undefined ? {} : { notify: notify as readonly string[] }),
    ...(isLogged === undefined ? {} : { logIntentSignals: true }),
  };
}

function denial(effect: JsonObject): { readonly code?: string; readonly message?: string } {
  const { deny_reason_code: code, deny_user_message: message } = effect as Record<string, string | undefined>;
  return { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
}

function terms(effect: JsonObject): HoldTerms {
  const { quorum, expires_seconds: expires } = effect as Record<string, number | undefined>;
  return { quorum: quorum ?? 1, expires: expires ?? DEFAULT_HOLD_SECONDS, ...denial(effect) };
}

/** Whether a rule with this effect stands in the way, so that doubt about its condition must too. */
export function effectBlocks(effect: RuleEffect): boolean {
  return EFFECTS[effect].blocks;
}

/** Whether it stays beside an allow and narrows what that lets through: no allow can lift it, or its error. */
export function effectNarrows(effect: RuleEffect): effect is 'redact' | 'limit' {
  return effect === 'redact' || effect === 'limit';
}

/** The schemas of all effects as objects, for editors. Built anew at each call. */
export function effectSchemas(): readonly z.ZodObject[] {
  return RULE_EFFECTS.map((type) => z.strictObject({ type: z.literal(type), ...EFFECTS[type].keys(), ...shared() }));
}

/** Schemas of effects by type; filled as they are met, because building one costs a hundred times what using it does. */
export type EffectSchemas = Map<string, z.ZodObject>;

/** Reads `effect`: `{type: deny, …}` or just `deny`. Reports what is wrong and then returns nothing. */
export function parseEffect(
  value: Json | undefined,
  where: Excerpt,
  findings: Findings,
  schemas: EffectSchemas = new Map(),
): CompiledEffect | undefined {
  const path = 'effect';
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
  if (!isEffect(type)) {
    const message = `unknown effect "${type}"${didYouMean(type, RULE_EFFECTS)}`;
    findings.add(
      where,
      typeof value === 'string' ? path : childPath(path, 'type'),
      'ERR_POLICY_EFFECT_UNKNOWN',
      message,
    );
    return undefined;
  }
  const row: EffectRow = EFFECTS[type];
  const { type: _type, ...rest } = written;
  // Of most effects none of the keys is required.
  if (Object.keys(rest).length === 0 && type !== 'limit') return row.compile(written);
  const schema = schemas.get(type) ?? z.strictObject({ ...row.keys(), ...shared() });
  schemas.set(type, schema);
  const parsed = schema.safeParse(rest);
  if (parsed.success) return { ...row.compile(written), ...afterwards(written) };
  reportShape(parsed.error, { where, findings, known: Object.keys(schema.shape), base: path });
  return undefined;
}

function isEffect(type: string): type is RuleEffect {
  return Object.hasOwn(EFFECTS, type);
}

function asObject(value: Json): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
