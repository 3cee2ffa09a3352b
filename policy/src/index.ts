/** The policy language and engine. The vocabulary (requests, decisions, problems) is at `@portcullis/policy/model`. */
export { type BuiltBundle, buildBundle } from './bundle/build.js';
export { sha256Hex } from './bundle/digest.js';
export { BUNDLE_LIMITS, type BundleLimits } from './bundle/limits.js';
export { unpackBundle } from './bundle/unpack.js';
export { BUILT_IN_FIELDS } from './dsl/fields.js';
export { OPERATOR_NAMES, type Operator } from './dsl/operators.js';
export { POLICY_PROBLEM_CODES, type PolicyProblemCode } from './dsl/problem-codes.js';
export { policyJsonSchema } from './dsl/schema.js';
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
