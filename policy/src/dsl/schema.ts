import { z } from 'zod';
import { lintSettingsShape } from '../analysis/lint/settings.js';
import { BUNDLE_FORMAT, COMBININGS, MAX_CACHE_TTL_SECONDS, MODULE_ENGINES, PRIORITY_ORDERS } from '../engine/ir.js';
import { TYPED_ACTIONS } from '../kinds/kind.js';
import { LAYERS } from '../model/decision.js';
import { ATTEMPT_KINDS, ENVIRONMENTS } from '../model/request.js';
import { customFieldsShape } from './custom-fields.js';
import { MAX_USER_MESSAGE, REASON_CODE } from './effects.js';
import type { PolicySchemas } from './policy-head.js';

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
/** Seed 003 gives its numbers no end. */
export const MAX_TYPED_PRIORITY = 10_000;

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
  const { name, slug, description, ...head } = headShape();
  return z.strictObject({
    name,
    slug,
    description,
    when: z.unknown(),
    effect: z.unknown(),
    priority: z
      .int()
      .min(MIN_PRIORITY)
      .max(MAX_PRIORITY)
      .describe("0 to 100; which end wins is the policy set's priority_order."),
    ...head,
    status: z
      .enum(['active', 'disabled', 'archived'])
      .describe('Only active policies decide; active when absent.')
      .optional(),
  });
}

/** What policies of the DSL and typed ones have in common. */
function headShape() {
  return {
    name: z.string().min(1).max(200).describe('For people.'),
    slug: z
      .string()
      .max(128)
      .regex(SLUG, 'expected lower-case letters and digits, joined by single - _ or .')
      .describe('The id in decisions, logs and paths; derived from the name when absent.')
      .optional(),
    description: z.string().max(4000).describe('For people: what it is for.').optional(),
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
    created_at: z
      .string()
      .regex(RFC3339, 'expected an RFC 3339 time')
      .describe('Breaks ties of priority, earlier first.')
      .optional(),
  };
}

/** The schema of a typed policy (seed 003) but for what its type says of `config`. */
export type TypedPolicyShapeSchema = ReturnType<typeof buildTypedPolicyShape>;

/** Builds {@link TypedPolicyShapeSchema}; build it once per bundle. */
export function typedPolicyShape(): TypedPolicyShapeSchema {
  return buildTypedPolicyShape();
}

function buildTypedPolicyShape() {
  const { name, slug, description, ...head } = headShape();
  return z.strictObject({
    name,
    slug,
    description,
    type: z.string().describe('The type of policy.'),
    action: z.enum(TYPED_ACTIONS).describe('What happens when it is violated; allow: what complies is allowed.'),
    priority: z
      .int()
      .min(MIN_PRIORITY)
      .max(MAX_TYPED_PRIORITY)
      .describe("Which end wins is the policy set's priority_order."),
    config: z.unknown().describe('What the type asks for.'),
    when: z.unknown().describe('Narrows it to requests for which this holds too; all when absent.').optional(),
    enabled: z.boolean().describe('Only enabled policies decide; true when absent.').optional(),
    group: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/)
      .describe('Who reviews what it escalates.')
      .optional(),
    deny_reason_code: z.string().regex(REASON_CODE).describe('Instead of the code of the type.').optional(),
    deny_user_message: z
      .string()
      .min(1)
      .max(MAX_USER_MESSAGE)
      .describe('Instead of the message of the type.')
      .optional(),
    ...head,
  });
}
/** A typed policy but for its `config`. */
export type TypedPolicyShape = z.output<TypedPolicyShapeSchema>;

/** Both schemas. */
export function policySchemas(): PolicySchemas {
  return { dsl: policyShape(), typed: typedPolicyShape(), configs: new Map(), effects: new Map() };
}
/** A policy document but for `when` and `effect`. */
export type PolicyShape = z.output<PolicyShapeSchema>;

/** The file `bundle.yaml`. */
export function bundleShape(): ReturnType<typeof buildBundleShape> {
  return buildBundleShape();
}

/** How long decisions may be kept. */
export function cacheShape(): ReturnType<typeof buildCacheShape> {
  return buildCacheShape();
}

function buildCacheShape() {
  return z
    .strictObject({
      ttl_seconds: z
        .int()
        .min(0)
        .max(MAX_CACHE_TTL_SECONDS)
        .describe('Whole seconds, 0 to 30. Profile strict keeps nothing longer than 5.'),
    })
    .describe(
      'How long a decision may be kept and serve equal requests, in PDPs and sidecars; not at all when absent. What a sidecar serves itself is recorded afterwards, not before.',
    );
}

/** The environments that a set speaks of. */
export function environmentScope(): ReturnType<typeof buildEnvironmentScope> {
  return buildEnvironmentScope();
}

function buildEnvironmentScope() {
  const some = z.array(z.enum(ENVIRONMENTS)).min(1).max(ENVIRONMENTS.length);
  return z
    .union([z.strictObject({ only: some }), z.strictObject({ except: some })])
    .describe('The environments it speaks of: only these, or all except these; all when absent.');
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
    cache: cacheShape().optional(),
    lint: lintSettingsShape().describe('What portcullis lint need not report.').optional(),
    fields: customFieldsShape()
      .describe('Fields below *.attributes that conditions may name, by path, with their types.')
      .optional(),
    data: z
      .strictObject({
        agents: z
          .string()
          .min(1)
          .max(512)
          .describe('The registry of agents, such as data/agents.yaml.')
          .exactOptional(),
        tools: z.string().min(1).max(512).describe('The catalogue of tools, such as data/tools.yaml.').exactOptional(),
        prices: z.string().min(1).max(512).describe('What calls cost, such as data/prices.yaml.').exactOptional(),
      })
      .describe('Files with what the bundle says of agents, tools and prices (guides: context, quotas).')
      .optional(),
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
          environments: z
            .union([environmentScope(), z.partialRecord(z.enum(ENVIRONMENTS), z.record(z.string(), z.unknown()))], {
              error: () => 'expected {only: [...]} or {except: [...]}; in a set of a pack, parameters by environment',
            })
            .describe('Of a set of policies: the environments it speaks of. Of a pack: parameters by environment.')
            .optional(),
          combining: z
            .enum(COMBININGS)
            .describe('How the policies of the set become one outcome; of a pack, its own when absent.')
            .optional(),
          priority_order: z
            .enum(PRIORITY_ORDERS)
            .describe('Which priority wins: desc the higher, asc the lower; of a pack, its own when absent.')
            .optional(),
          policies: z
            .string()
            .min(1)
            .max(200)
            .describe('The folder of the policies of the set; either this or a pack.')
            .optional(),
          engine: z
            .enum(MODULE_ENGINES)
            .describe('The engine whose policies the folder has; absent for policies of this language.')
            .optional(),
          entrypoint: z
            .string()
            .max(200)
            .regex(/^\w+(\/\w+)*$/, 'expected the path of a rule such as portcullis/decision')
            .describe('Of an engine rego: the rule that decides, as it was given to opa build -e.')
            .optional(),
          pack: z.string().min(1).max(200).describe('The folder of the pack that the set is made of.').optional(),
          parameters: z
            .record(z.string(), z.unknown())
            .describe("Values of the pack's parameters; those that are absent have its defaults.")
            .optional(),
        }),
      )
      .max(MAX_SETS)
      .describe('The policy sets.'),
  });
}
/** What `bundle.yaml` says. */
export type BundleShape = z.output<ReturnType<typeof buildBundleShape>>;
