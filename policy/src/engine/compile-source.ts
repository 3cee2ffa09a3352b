import { compilePolicy } from '../dsl/policy.js';
import type { PolicyContext, PolicyIr, PolicySource } from '../dsl/policy-head.js';
import { compileTypedPolicy, isTypedPolicy } from '../kinds/typed-policy.js';

/** Compiles one policy of either form. Reports every problem and then returns nothing. */
export function compileSource(source: PolicySource, context: PolicyContext): PolicyIr | undefined {
  return isTypedPolicy(source.document) ? compileTypedPolicy(source, context) : compilePolicy(source, context);
}
