import { z } from 'zod';
import { BUNDLE_FORMAT, COMBININGS, PRIORITY_ORDERS } from '../engine/ir.js';
import { LAYERS } from '../model/decision.js';
import { ATTEMPT_KINDS } from '../model/request.js';
import { ALWAYS, GROUP_OPERATORS } from './condition.js';
import { COMPILED_EFFECTS, MAX_USER_MESSAGE, REASON_CODE } from './effects.js';
import { MAX_LIST_LENGTH, OPERATOR_NAMES } from './operators.js';

/** An RFC 3339 instant. */
export const RFC3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
/** A policy's id in decisions, logs and paths. */
export const SLUG = /^[a-z0-9]+([._-][a-z0-9]+)*$/;
/** Ids of tenants and workspaces, as certificates spell them. */
const SCOPE_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** Policy sets of one bundle. */
const MAX_SETS = 2000;
/** Semantic versioning 2.0.0. */
export const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/** Priorities run from here … */
export const MIN_PRIORITY = 0;
/** … to here. */
export const MAX_PRIORITY = 100;

const scope = z
  .strictObject({
    tenant: z.string().regex(SCOPE_ID).describe('Only requests of this tenant.').optional(),
    workspace: z.string().regex(SCOPE_ID).describe('Only requests of this workspace.').optional(),
  })
  .refine((value) => value.tenant !== undefined || value.workspace !== undefined, {
    message: 'a scope names a tenant, a workspace, or both',
  });

/** The schema of a policy document but for `when` and `effect`, which have parsers of their own with better messages. */
export type PolicyShapeSchema = ReturnType<typeof buildPolicyShape>;

/** Builds {@link PolicyShapeSchema}; build it once per bundle. */
export function policyShape(): PolicyShapeSchema {
  return buildPolicyShape();
}

// Schemas are built by functions so that importing this file costs nothing.
function buildPolicyShape() {
  return z.strictObject({
    name: z.string().min(1).max(200).describe('For people.'),
    slug: z
      .string()
      .max(128)
      .regex(SLUG, 'expected lower-case letters and digits, joined by single - _ or .')
      .describe('The id in decisions, logs and paths; derived from the name when absent.')
      .optional(),
    description: z.string().max(4000).describe('For people: what it is for.').optional(),
    when: z.unknown(),
    effect: z.unknown(),
    priority: z
      .int()
      .min(MIN_PRIORITY)
      .max(MAX_PRIORITY)
      .describe("0 to 100; which end wins is the policy set's priority_order."),
    framework_mapping: z
      .array(
        z.strictObject({
          framework: z.string().min(1).max(100).describe('Such as SOC 2.'),
          clause: z.string().min(1).max(100).describe('Such as CC6.1.'),
        }),
      )
      .max(100)
      .describe('The framework clauses that this policy serves.')
      .optional(),
    on: z
      .array(z.enum(ATTEMPT_KINDS))
      .min(1)
      .describe('The kinds of attempt it speaks of; all when absent.')
      .optional(),
    scope: scope.describe('Narrows the policy to a tenant or a workspace.').meta({ minProperties: 1 }).optional(),
    status: z
      .enum(['active', 'disabled', 'archived'])
      .describe('Only active policies decide; active when absent.')
      .optional(),
    created_at: z
      .string()
      .regex(RFC3339, 'expected an RFC 3339 time')
      .describe('Breaks ties of priority, earlier first.')
      .optional(),
  });
}
/** A policy document but for `when` and `effect`. */
export type PolicyShape = z.output<PolicyShapeSchema>;

/** The file `bundle.yaml`. */
export function bundleShape(): ReturnType<typeof buildBundleShape> {
  return buildBundleShape();
}

function buildBundleShape() {
  return z.strictObject({
    format: z.literal(BUNDLE_FORMAT).describe('The format of the folder.'),
    name: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/)
      .describe('The name of the bundle.'),
    version: z
      .string()
      .max(128)
      .regex(SEMVER, 'expected a semantic version such as 1.4.0')
      .describe('Semantic version; every decision names it as policy_version.'),
    default: z.enum(['deny', 'allow']).describe('What happens when no set decides; deny when absent.').optional(),
    sets: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[A-Za-z0-9._-]{1,128}$/)
            .describe('The name of the set; unique in the bundle.'),
          layer: z.enum(LAYERS).describe('Where the set lives; a deny in any layer denies.'),
          tenant: z.string().regex(SCOPE_ID).describe('Only requests of this tenant.').optional(),
          workspace: z.string().regex(SCOPE_ID).describe('Only requests of this workspace.').optional(),
          combining: z.enum(COMBININGS).describe('How the policies of the set become one outcome.'),
          priority_order: z.enum(PRIORITY_ORDERS).describe('Which priority wins: desc the higher, asc the lower.'),
          policies: z.string().min(1).max(200).describe('The folder of the policies of the set.'),
        }),
      )
      .max(MAX_SETS)
      .describe('The policy sets.'),
  });
}
/** What `bundle.yaml` says. */
export type BundleShape = z.output<ReturnType<typeof buildBundleShape>>;

/** The JSON Schema (2020-12) of one policy document: what an editor shows and what `proto/schema` publishes. */
export function policyJsonSchema(): Record<string, unknown> {
  const value = z.union([z.string(), z.number(), z.boolean()]);
  const leaf = z
    .strictObject({
      field: z.string().min(1).describe('A path of the canonical request, e.g. user.team or tool.arguments.path.'),
      operator: z.enum(OPERATOR_NAMES),
      value: z.union([value, z.array(value).min(1).max(MAX_LIST_LENGTH)]).optional(),
    })
    .describe('One comparison.')
    .meta({ id: 'leaf' });
  const group = z
    .strictObject({
      operator: z.enum(GROUP_OPERATORS),
      get conditions() {
        return z.array(condition).min(1);
      },
    })
    .describe('and, or: any number of conditions; not: exactly one.')
    .meta({ id: 'group' });
  const condition: z.ZodType = z.union([leaf, z.lazy(() => group)]).meta({ id: 'condition' });
  const deny = z.strictObject({
    type: z.literal('deny'),
    deny_reason_code: z.string().regex(REASON_CODE).optional(),
    deny_user_message: z.string().min(1).max(MAX_USER_MESSAGE).optional(),
  });
  const plain = z.strictObject({ type: z.enum(COMPILED_EFFECTS).exclude(['deny']) });
  const policy = buildPolicyShape().extend({
    when: z.union([z.literal(ALWAYS), condition]).describe('When the policy applies.'),
    effect: z.union([z.enum(COMPILED_EFFECTS), deny, plain]).describe('What it then does.'),
  });
  return {
    ...z.toJSONSchema(policy, { io: 'input', target: 'draft-2020-12' }),
    $id: 'https://portcullis.dev/schema/policy.schema.json',
    title: 'Portcullis policy',
  };
}
