/** The policy language and engine. The vocabulary (requests, decisions, problems) is at `@portcullis/policy/model`. */
export { type BuiltBundle, buildBundle } from './bundle/build.js';
export { sha256Hex } from './bundle/digest.js';
export { BUNDLE_LIMITS, type BundleLimits } from './bundle/limits.js';
export { unpackBundle } from './bundle/unpack.js';
export { ALWAYS, GROUP_OPERATORS, MAX_CONDITION_DEPTH } from './dsl/condition.js';
export { COMPILED_EFFECTS, type CompiledEffectType, effectBlocks } from './dsl/effects.js';
export { BUILT_IN_FIELDS, FIELD_TYPES, type Field, type FieldLookup, type FieldType, findField } from './dsl/fields.js';
export {
  type BaseOperator,
  MAX_LIST_LENGTH,
  MAX_PATTERN_LENGTH,
  OPERATOR_NAMES,
  OPERATORS,
  type Operator,
  type OperatorRow,
  operatorRow,
} from './dsl/operators.js';
export { POLICY_PROBLEM_CODES, type PolicyProblemCode } from './dsl/problem-codes.js';
export { bundleShape, policyJsonSchema } from './dsl/schema.js';
export { compileBundle } from './engine/compile.js';
export type {
  ConditionExplanation,
  Explanation,
  RuleExplanation,
  SetExplanation,
  ShownValue,
} from './engine/explain.js';
export { BUNDLE_FORMAT, COMBININGS, type CompiledBundle, PRIORITY_ORDERS } from './engine/ir.js';
export { type Engine, linkBundle } from './engine/link.js';
