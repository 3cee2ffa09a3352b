import { z } from 'zod';
import { customFieldsShape } from '../dsl/custom-fields.js';
import { SEMVER } from '../dsl/schema.js';
import { COMBININGS, PRIORITY_ORDERS } from '../engine/ir.js';
import { LAYERS } from '../model/decision.js';

/** The format of a `pack.yaml`. */
export const PACK_FORMAT = 'portcullis.pack/1';
/** The file that describes a pack. */
export const PACK_MANIFEST = 'pack.yaml';
/** What a pack is about; the folders of seed 004. */
export const PACK_CATEGORIES = ['base', 'tools', 'compliance', 'a2a', 'intent'] as const;
/** See {@link PACK_CATEGORIES}. */
export type PackCategory = (typeof PACK_CATEGORIES)[number];

/** A pack's name. */
const PACK_NAME = /^[a-z][a-z0-9-]{0,63}$/;
/** A parameter's name. */
export const PARAMETER_NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** Parameters of one pack. */
const MAX_PARAMETERS = 100;

/** The shape of `pack.yaml`. */
export function packShape(): ReturnType<typeof buildPackShape> {
  return buildPackShape();
}

// Built by a function so that importing this file costs nothing.
function buildPackShape() {
  return z.strictObject({
    format: z.literal(PACK_FORMAT).describe('The format of the folder.'),
    name: z
      .string()
      .regex(PACK_NAME, 'expected lower-case letters, digits and -, beginning with a letter')
      .describe('The name of the pack.'),
    version: z
      .string()
      .max(128)
      .regex(SEMVER, 'expected a semantic version such as 1.4.0')
      .describe('Semantic version; decisions name the pack as name@version.'),
    title: z.string().min(1).max(200).describe('What it is, in a few words.'),
    description: z.string().min(1).max(4000).describe('For people: what it is for.'),
    category: z.enum(PACK_CATEGORIES).describe('What it is about.'),
    layer: z.enum(LAYERS).describe('Where a set made of it belongs, unless the bundle says otherwise.'),
    combining: z.enum(COMBININGS).describe('How its policies become one outcome.'),
    priority_order: z.enum(PRIORITY_ORDERS).describe('Which priority wins: desc the higher, asc the lower.'),
    requires: z
      .record(z.string().regex(PACK_NAME), z.string().min(1).max(128))
      .describe('Packs that the bundle must use too, each with a range of versions such as ^1.0.0.')
      .optional(),
    parameters: z
      .record(
        z.string().regex(PARAMETER_NAME, 'a parameter has a name of lower-case letters, digits and _'),
        z.looseObject({ description: z.string().min(1).max(2000) }),
      )
      .refine((value) => Object.keys(value).length <= MAX_PARAMETERS, `a pack has at most ${MAX_PARAMETERS} parameters`)
      .describe('Each a JSON Schema (2020-12) with a description and, unless it must be given, a default.')
      .optional(),
    definitions: z
      .record(
        z.string().regex(PARAMETER_NAME, 'a definition has a name of lower-case letters, digits and _'),
        z.unknown(),
      )
      .describe('Values and conditions that policies refer to like parameters; they may use parameters themselves.')
      .optional(),
    fields: customFieldsShape()
      .describe('Custom fields that its policies read, declared as in bundle.yaml.')
      .optional(),
    framework_mapping: z
      .array(z.strictObject({ framework: z.string().min(1).max(100), clause: z.string().min(1).max(100) }))
      .max(100)
      .describe('The clauses that a policy of the pack serves when it names none itself.')
      .optional(),
  });
}
/** What a `pack.yaml` says. */
export type PackShape = z.output<ReturnType<typeof buildPackShape>>;
