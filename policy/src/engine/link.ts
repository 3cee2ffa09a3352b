import { ERROR, FALSE, TRUE, type Truth } from '../dsl/truth.js';
import type { Verdict } from '../model/decision.js';
import type { ContextualRequest } from '../model/facts.js';
import { createRegistry, type Registry } from '../registry/registry.js';
import { basisText } from './basis.js';
import { couldAllow as isPossible, type Possible, walkPossible } from './could-allow.js';
import { type Explanation, explainRequest } from './explain.js';
import { createFrame, type ReadSet } from './frame.js';
import { GRANTED_FIELD, grantedOf } from './granted.js';
import { type LinkableBundle, outlineOf, tableOfImage } from './image.js';
import { buildRuleIndex, type RuleIndexData } from './index/build.js';
import type { Constraints } from './index/constraint.js';
import { drain, openRuleIndex } from './index/rule-index.js';
import type { CompiledBundle, ModuleIr, SetIr } from './ir.js';
import { faultOf, type LinkedRule, type LinkedSet, linkRule } from './linked-rule.js';
import { createLinker, type Linker } from './match.js';
import type { Reading } from './read-field.js';
import { type Granted, type SetOutcome, walkSet } from './resolve.js';
import { createFactsOf, fieldsOf } from './rule-facts.js';
import { type RuleTable, tableOfBundle } from './rule-table.js';
import { type ModuleOutcome, resolveSets, scopeFault } from './verdict.js';

/** Evaluates requests against one compiled bundle. Pure and synchronous. */
export interface Engine {
  /** The bundle's version. */
  readonly policyVersion: string;
  /** Active policies. */
  readonly policyCount: number;
  /** What the bundle says of agents and tools, for whoever makes the request that is evaluated. */
  readonly registry: Registry;
  /** The fields that some active policy reads, sorted; '' stands for every field, which modules of other engines may read. */
  readonly factsNeeded: readonly string[];
  /** How long decisions may be kept, seconds; 0 for not at all, as in a bundle with modules, which look at anything. */
  readonly cacheTtlSeconds: number;
  /** Never throws: a defect of the engine itself is a denial with the code `INTERNAL_ERROR`. */
  evaluate(request: ContextualRequest): Verdict;
  /** {@link Engine.evaluate}, and what of the request the verdict depends on. */
  evaluateWithReads(request: ContextualRequest): { readonly verdict: Verdict; readonly reads: ReadSet };
  /**
   * Whether the request could be allowed, or held, once what its `unavailable` names is known: false only when no value
   * would do. Never throws; a defect of the engine itself is no.
   */
  couldAllow(request: ContextualRequest): boolean;
  /**
   * What a field of one of this engine's read sets reads as: requests of equal readings get the same verdict.
   * @throws TypeError for a path of no read set
   */
  readingOf(path: string, request: ContextualRequest): Reading;
  /**
   * What of the bundle the verdict about a request rests on, as text: equal texts under two bundles mean that the same rules
   * speak in the same way. As slow as an evaluation. `undefined` when nobody can say: rules that err, and other engines.
   */
  basisOf(request: ContextualRequest): string | undefined;
  /** The same verdict with every rule of the sets that speak of this request, in order, and why. For people; slow. */
  explain(request: ContextualRequest): Explanation;
}

/** A module of another engine, ready to be asked. */
export interface ModuleEvaluator {
  readonly ir: ModuleIr;
  /** Pure; never throws: what goes wrong inside is an error of the outcome. */
  readonly evaluate: (request: ContextualRequest) => ModuleOutcome;
  /** Its policies as a set of rules of which it is known what they are for this request. For people; slow. */
  readonly explain: (request: ContextualRequest) => LinkedSet;
}

/**
 * Turns a compiled bundle into an engine. Nothing is checked again; a rule's condition is linked at its first use.
 * @param evaluators one for each of the bundle's modules, in their order
 * @throws TypeError when a module has no evaluator: what it would deny must not go unasked
 */
export function linkBundle(bundle: LinkableBundle, evaluators: readonly ModuleEvaluator[] = []): Engine {
  return drain(linkSteps(bundle, evaluators));
}

/**
 * {@link linkBundle} in slices of some tenths of a millisecond, for a thread that has other things to do.
 * @param pause awaited between slices, e.g. a turn of the event loop
 * @throws TypeError as `linkBundle`
 */
export async function linkBundleInSlices(
  bundle: LinkableBundle,
  evaluators: readonly ModuleEvaluator[],
  pause: () => Promise<void>,
): Promise<Engine> {
  const steps = linkSteps(bundle, evaluators);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pause();
  }
}

function* linkSteps(linkable: LinkableBundle, evaluators: readonly ModuleEvaluator[]): Generator<void, Engine> {
  const bundle = outlineOf(linkable);
  if (bundle.modules.some((ir, index) => evaluators[index]?.ir !== ir)) {
    throw new TypeError('the bundle has modules whose engines were not loaded');
  }
  const frame = createFrame();
  const linker = createLinker(bundle.fields, frame);
  const { table, data, fields } =
    'segments' in linkable
      ? { table: tableOfImage(linkable), data: linkable.index, fields: linkable.fields }
      : yield* indexBundle(linkable, linker);
  const index = openRuleIndex(data, linker);
  // Only what callers put into open places can be of a wrong type; the parser of requests sees to the rest.
  yield* index.prepare((path) => linker.fieldOf(path).type === 'any');
  const modules = evaluators.map((module) => ({
    ...module,
    scope: linker.link({ node: 'and', of: module.ir.scope }),
  }));
  const linked = new Array<LinkedRule | undefined>(table.count);
  const ruleAt = (number: number): LinkedRule => {
    const known = linked[number];
    if (known !== undefined) return known;
    const rule = linkRule(table.ruleAt(number), linker);
    linked[number] = rule;
    return rule;
  };
  const policyCount = table.count;
  const registry = createRegistry(bundle.registry ?? {});

  /** Walks the sets with rules that may speak of the request, in precedence order. */
  const eachSpeaking = <W extends RuleWalk>(
    request: ContextualRequest,
    begin: (set: SetIr) => W,
    walked: (walk: W) => void,
  ): void => {
    index.begin(request);
    let number = index.next(0);
    while (number !== -1) {
      const { ir, end } = table.setAt(number);
      const walk = begin(ir);
      while (number !== -1 && number < end) {
        const rule = ruleAt(number);
        const truth = rule.condition.test(request);
        const goOn = truth === FALSE || walk.take(rule, truth);
        number = index.next(goOn ? number + 1 : end);
      }
      walked(walk);
    }
  };
  const readGranted = linker.readerOf(GRANTED_FIELD);
  const outcomesOf = (request: ContextualRequest, granted: Granted): readonly SetOutcome<LinkedRule>[] => {
    const outcomes: SetOutcome<LinkedRule>[] = [];
    eachSpeaking(
      request,
      (ir) => walkSet<LinkedRule>(ir, granted),
      (walk) => outcomes.push(walk.finish()),
    );
    return outcomes;
  };

  const decide = (request: ContextualRequest): Verdict => {
    frame.begin();
    const granted = grantedOf(readGranted(request));
    const outcomes = outcomesOf(request, granted);
    const context = {
      policyVersion: bundle.version,
      default: bundle.default,
      policyCount: policyCount + modules.length,
      request,
      granted,
      prices: registry.prices,
      faultOf: (rule: LinkedRule, set: SetIr) => faultOf(rule, set, request),
      fieldsOf: (rule: LinkedRule) => rule.fields,
    };
    const asked = modules
      .map((module) => ({ ...module, truth: module.scope.test(request) }))
      .filter(({ truth }) => truth !== FALSE);
    const verdict = resolveSets(
      outcomes,
      context,
      // Whether the module speaks of this request, or what it would see of it, cannot be told: it might have denied.
      asked.map(({ ir, truth, evaluate }) =>
        truth === ERROR || request.unavailable !== undefined ? scopeFault(ir) : evaluate(request),
      ),
    );
    // Another engine may look at anything; a quota draws on accounts that any field may name.
    if (asked.length > 0 || verdict.guards.length > 0) frame.noteWhole();
    return verdict;
  };

  const evaluate = (request: ContextualRequest): Verdict => {
    try {
      return decide(request);
    } catch {
      frame.noteWhole();
      // Whatever went wrong is ours, and must not become an allow or take the process down.
      return internalError();
    }
  };

  const couldAllow = (request: ContextualRequest): boolean => {
    frame.begin();
    try {
      const possible: Possible[] = [];
      eachSpeaking(request, walkPossible, (walk) => possible.push(walk.finish()));
      const isAsked = modules.some(({ scope }) => scope.test(request) !== FALSE);
      // What a module would say of values that are not known is not known, either.
      return (
        policyCount + modules.length > 0 && isPossible([...possible, ...(isAsked ? [ANYTHING] : [])], bundle.default)
      );
    } catch {
      return false;
    }
  };

  const explain = (request: ContextualRequest): Explanation => {
    const verdict = evaluate(request);
    const granted = grantedOf(readGranted(request));
    const sets = table.sets.map(({ ir, first, end }) => ({
      ir,
      rules: Array.from({ length: end - first }, (_, place) => ruleAt(first + place)),
    }));
    const others = modules.filter(({ scope }) => scope.test(request) === TRUE).map((module) => module.explain(request));
    const all = [...sets, ...others];
    return explainRequest({ request, sets: all, granted, verdict, policyVersion: bundle.version });
  };

  const basisOf = (request: ContextualRequest): string | undefined => {
    try {
      frame.begin();
      if (modules.some(({ scope }) => scope.test(request) !== FALSE)) return undefined;
      return basisText({ bundle, registry, request, outcomes: outcomesOf(request, grantedOf(readGranted(request))) });
    } catch {
      return undefined;
    }
  };

  return {
    policyVersion: bundle.version,
    policyCount,
    registry,
    factsNeeded: bundle.modules.length === 0 ? fields : ['', ...fields],
    cacheTtlSeconds: modules.length > 0 ? 0 : (bundle.cacheTtlSeconds ?? 0),
    evaluate,
    evaluateWithReads: (request) => ({ verdict: evaluate(request), reads: frame.reads() }),
    couldAllow,
    readingOf: frame.readingOf,
    basisOf,
    explain,
  };
}

/** What a walk over the rules of a set takes. */
interface RuleWalk {
  take(rule: LinkedRule, truth: Exclude<Truth, typeof FALSE>): boolean;
}

const ANYTHING: Possible = { allow: true, nothing: true };

/** Rules between two pauses; some tenths of a millisecond. */
const SLICE = 128;

/** The index of a bundle's rules, and the fields that they and the modules' scopes read, sorted. */
function* indexBundle(
  bundle: CompiledBundle,
  linker: Linker,
): Generator<void, { readonly table: RuleTable; readonly data: RuleIndexData; readonly fields: readonly string[] }> {
  const table = tableOfBundle(bundle);
  const fields = new Set(bundle.modules.flatMap(({ scope }) => fieldsOf({ node: 'and', of: scope })));
  const factsOf = createFactsOf(linker.fieldOf);
  const constraints: Constraints[] = [];
  for (let number = 0; number < table.count; number += 1) {
    const rule = table.ruleAt(number);
    const facts = factsOf(rule);
    constraints.push(facts.constraints);
    for (const path of facts.fields) fields.add(path);
    if (number % SLICE === SLICE - 1) yield;
  }
  return { table, data: yield* buildRuleIndex(constraints), fields: [...fields].sort() };
}

function internalError(): Verdict {
  const deny = [{ code: 'INTERNAL_ERROR', message: 'the policies could not be evaluated', path: 'engine' }] as const;
  return { effect: 'deny', deny, conditions: [], obligations: [], matched: [], errors: [], guards: [] };
}
