import type { ModuleIr } from '../../engine/ir.js';
import type { ModuleEvaluator } from '../../engine/link.js';
import type { ContextualRequest } from '../../model/facts.js';
import { kindOf } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { explainedSet, type ModuleFinding, outcomeOf } from '../module-verdict.js';
import type { RegoModule } from './rego-module.js';
import { faultOf, readRegoResult, regoShape } from './rego-result.js';

/** Makes the evaluator of a module that passed every check. */
export function createRegoEvaluator(
  ir: ModuleIr,
  { sandbox, entrypoint }: RegoModule,
  policyVersion: string,
): ModuleEvaluator {
  const shape = regoShape();

  const find = (request: ContextualRequest): readonly ModuleFinding[] => {
    // A request in the seed's shape has no kind; its source implies one.
    const input = new TextEncoder().encode(JSON.stringify({ ...request, kind: kindOf(request) }));
    if (input.byteLength > MODULE_LIMITS.rego.inputBytes) {
      return [faultOf(ir, `the request is larger than ${MODULE_LIMITS.rego.inputBytes} bytes`)];
    }
    return readRegoResult(ir, shape, sandbox.evaluate(input, entrypoint));
  };

  const findOrFail = (request: ContextualRequest): readonly ModuleFinding[] => {
    try {
      return find(request);
    } catch (error) {
      return [faultOf(ir, error instanceof Error ? error.message : 'the program failed')];
    }
  };

  return {
    ir,
    evaluate: (request) => outcomeOf(ir, findOrFail(request), request, policyVersion),
    explain: (request) => {
      const findings = findOrFail(request);
      const rules = findings.map(({ rule }) => rule);
      return explainedSet(ir, rules, findings);
    },
  };
}
