import { FALSE } from '../dsl/truth.js';
import type { Verdict } from '../model/decision.js';
import type { CanonicalRequest } from '../model/request.js';
import { type Explanation, explainRequest } from './explain.js';
import type { CompiledBundle } from './ir.js';
import { faultOf, type LinkedRule, type LinkedSet, linkRule } from './linked-rule.js';
import { createLinker } from './match.js';
import { resolveSets, type SetOutcome, walkSet } from './resolve.js';
import { buildRuleIndex } from './rule-index.js';

/** Evaluates requests against one compiled bundle. Pure and synchronous. */
export interface Engine {
  /** The bundle's version. */
  readonly policyVersion: string;
  /** Active policies. */
  readonly policyCount: number;
  /** The fields that some active policy reads, sorted. */
  readonly factsNeeded: readonly string[];
  /** Never throws: a defect of the engine itself is a denial with the code `INTERNAL_ERROR`. */
  evaluate(request: CanonicalRequest): Verdict;
  /** The same verdict with every rule of the sets that speak of this request, in order, and why. For people; slow. */
  explain(request: CanonicalRequest): Explanation;
}

/** Turns a compiled bundle into an engine. Cheap: closures, patterns and the index; nothing is checked again. */
export function linkBundle(bundle: CompiledBundle): Engine {
  const linker = createLinker();
  const sets: readonly LinkedSet[] = bundle.sets.map((ir) => ({
    ir,
    rules: ir.rules.map((rule) => linkRule(rule, linker)),
  }));
  const rules = sets.flatMap((set) => set.rules);
  const index = buildRuleIndex(
    rules.map((rule) => rule.ir),
    linker.readerOf,
  );
  const setOf = sets.flatMap((set) => set.rules.map(() => set));
  const endOf = endsOf(sets);
  // Reused between calls: evaluation is synchronous and never re-entered.
  const candidates = new Uint32Array(index.words);

  const decide = (request: CanonicalRequest): Verdict => {
    index.narrow(request, candidates);
    const outcomes: SetOutcome<LinkedRule>[] = [];
    let number = nextBit(candidates, 0);
    while (number !== -1) {
      const set = setOf[number] as LinkedSet;
      const end = endOf[number] as number;
      const walk = walkSet<LinkedRule>(set.ir);
      while (number !== -1 && number < end) {
        const rule = rules[number] as LinkedRule;
        const truth = rule.condition.test(request);
        const goOn = truth === FALSE || walk.take(rule, truth);
        number = nextBit(candidates, goOn ? number + 1 : end);
      }
      outcomes.push(walk.finish());
    }
    return resolveSets(outcomes, {
      policyVersion: bundle.version,
      default: bundle.default,
      policyCount: rules.length,
      faultOf: (rule, set) => faultOf(rule, set, request),
      fieldsOf: (rule) => rule.fields,
    });
  };

  const evaluate = (request: CanonicalRequest): Verdict => {
    try {
      return decide(request);
    } catch {
      // Whatever went wrong is ours, and must not become an allow or take the process down.
      return internalError();
    }
  };

  return {
    policyVersion: bundle.version,
    policyCount: rules.length,
    factsNeeded: [...new Set(rules.flatMap((rule) => rule.fields))].sort(),
    evaluate,
    explain: (request) => explainRequest({ request, sets, verdict: evaluate(request), policyVersion: bundle.version }),
  };
}

/** For each rule, the number just past the last rule of its set. */
function endsOf(sets: readonly LinkedSet[]): readonly number[] {
  let end = 0;
  return sets.flatMap((set) => {
    end += set.rules.length;
    return set.rules.map(() => end);
  });
}

/** The number of the first candidate at or after `from`; -1 when there is none. */
function nextBit(bits: Uint32Array, from: number): number {
  let word = from >>> 5;
  if (word >= bits.length) return -1;
  let rest = (bits[word] ?? 0) & (-1 << (from & 31));
  while (rest === 0) {
    word += 1;
    if (word >= bits.length) return -1;
    rest = bits[word] ?? 0;
  }
  return (word << 5) + 31 - Math.clz32(rest & -rest);
}

function internalError(): Verdict {
  const deny = [{ code: 'INTERNAL_ERROR', message: 'the policies could not be evaluated', path: 'engine' }] as const;
  return { effect: 'deny', deny, conditions: [], obligations: [], matched: [], errors: [] };
}
