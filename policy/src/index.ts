/** The policy language and engine. The vocabulary (requests, decisions, problems) is at `@portcullis/policy/model`. */
export { type BuiltBundle, buildBundle } from './bundle/build.js';
export type { BundleDocument, SetDocument } from './bundle/bundle-document.js';
export { sha256Hex } from './bundle/digest.js';
export { BUNDLE_LIMITS, type BundleLimits } from './bundle/limits.js';
export { unpackBundle } from './bundle/unpack.js';
export { ALWAYS, GROUP_OPERATORS, MAX_CONDITION_DEPTH } from './dsl/condition.js';
export { CUSTOM_FIELD_TYPES, type CustomField, type CustomFields } from './dsl/custom-fields.js';
export { type CompiledEffect, effectBlocks, effectSchemas } from './dsl/effects.js';
export { surfacesOf } from './dsl/field-surfaces.js';
export {
  BUILT_IN_FIELDS,
  createFieldTable,
  FIELD_TYPES,
  type Field,
  type FieldLookup,
  type FieldTable,
  type FieldType,
  findField,
} from './dsl/fields.js';
export { type Excerpt, excerptOf } from './dsl/findings.js';
export { didYouMean } from './dsl/nearest.js';
export { MAX_LIST_LENGTH } from './dsl/operators/literal.js';
export { MAX_PATTERN_LENGTH } from './dsl/operators/pattern.js';
export {
  type BaseOperator,
  OPERATOR_NAMES,
  type Operator,
  type OperatorRow,
  operatorRow,
  spellingOf,
} from './dsl/operators.js';
export type { PolicySource } from './dsl/policy-head.js';
export { policyJsonSchema } from './dsl/policy-json-schema.js';
export { formatPolicyFile, printPolicy } from './dsl/print.js';
export { POLICY_PROBLEM_CODES, type PolicyProblemCode } from './dsl/problem-codes.js';
export { bundleShape, RFC3339 } from './dsl/schema.js';
export { childPath, type Position, parseSourceDocument, type SourceDocument } from './dsl/source-document.js';
export { compileBundle, compileDocument, readBundleDocument } from './engine/compile.js';
export { type Compiler, createCompiler } from './engine/compiler.js';
export type {
  ConditionExplanation,
  Explanation,
  RuleExplanation,
  SetExplanation,
  ShownValue,
} from './engine/explain.js';
export type { ReadSet } from './engine/frame.js';
export { grantedOf } from './engine/granted.js';
export { applyReadings, type GuardReading } from './engine/guards.js';
export {
  type BundleImage,
  type BundleUpdate,
  buffersOf,
  bundleOfImage,
  createImageReceiver,
  type ImageReceiver,
  type LinkableBundle,
  outlineOf,
} from './engine/image.js';
export {
  BUNDLE_FORMAT,
  COMBININGS,
  type CompiledBundle,
  type ConditionIr,
  type LeafIr,
  PRIORITY_ORDERS,
  type RuleIr,
  type SetIr,
} from './engine/ir.js';
export { type Engine, linkBundle, linkBundleInSlices, type ModuleEvaluator } from './engine/link.js';
export { comparePrecedence, type Role, walkSet } from './engine/resolve.js';
export type { ModuleOutcome } from './engine/verdict.js';
export type { TypedAction } from './kinds/kind.js';
export { POLICY_KINDS, POLICY_TYPES, type PolicyType, policyKind } from './kinds/registry.js';
export { SPECIAL_RANGES, type SpecialRange } from './kinds/special-addresses.js';
export { joinSegments } from './model/field-path.js';
export { checkModules, loadModuleEngines } from './modules/load-module-engines.js';
export { builtInPacksFolder } from './packs/built-in.js';
export { type Changed, comparePacks, isUnchanged, type PackChanges, type PartChanges } from './packs/compare.js';
export {
  describePack,
  type PackDescription,
  type PackPolicyDescription,
  type ParameterDescription,
} from './packs/describe.js';
export { type Pack, readPack } from './packs/pack.js';
export { LONE_PACK_FOLDER, packAsBundle } from './packs/pack-as-bundle.js';
export { PACK_MANIFEST } from './packs/pack-shape.js';
export { createSchemaCompiler, type SchemaCompiler } from './packs/parameters.js';
export { MICROS_PER_UNIT, microsOfUnits, textOfMicros } from './prices/money.js';
export type { ModelTariff, PriceList, TokenCounts } from './prices/price-list.js';
export type { Registry } from './registry/registry.js';
export { type AgentEntry, CATALOGUE_ATTRIBUTES, type RegistryMode, type ToolEntry } from './registry/registry-shape.js';
