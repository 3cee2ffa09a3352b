import { effectBlocks } from '../../dsl/effects.js';
import type { CompiledBundle, RuleIr } from '../../engine/ir.js';
import { type Engine, linkBundle } from '../../engine/link.js';
import { createLinker } from '../../engine/match.js';
import type { Verdict } from '../../model/decision.js';
import type { ContextualRequest } from '../../model/facts.js';
import { type Choice, withChoice } from '../assemble-request.js';
import { type Claim, every, leavesOf, not, some, truthIs } from '../claim.js';
import { fieldsOf, isAllow, isBlocking, type RuleView, ruleViews } from '../rule-claims.js';
import { createSolver, type Solver } from '../solver.js';
import { CAN_ERROR, CAN_TRUE } from '../truth-set.js';
import { createVariables } from '../variables.js';
import { enumerateRequests } from './enumerate-requests.js';
import { type PolicyChange, type RuleChange, ruleChanges } from './policy-changes.js';
import { smallestWitness } from './smallest-witness.js';
import { type VerdictChange, verdictChange } from './verdict-change.js';

/** A request that is answered differently. */
export interface Flip {
  readonly change: VerdictChange;
  /** The changed policies that it comes from, as `<layer>/<set>/<slug>`; `default` for the bundle's own. */
  readonly policies: readonly string[];
  /** What decided before, as `<layer>/<slug>`; empty: the default. */
  readonly decidedBefore: readonly string[];
  /** What decides now. */
  readonly decidedAfter: readonly string[];
  /** As small as it can be; both engines have confirmed it. */
  readonly request: ContextualRequest;
}

/** How two bundles differ in what they answer. */
export interface BundleDiff {
  /** What is written differently. */
  readonly changes: readonly PolicyChange[];
  /** `default`, when it changed. */
  readonly defaultChanged: boolean;
  /** One example for each way in which answers change, by policy. */
  readonly flips: readonly Flip[];
  /** Whether these are all ways: every kind of request was tried. Otherwise the search was aimed at what changed. */
  readonly complete: boolean;
}

/** Requests that are tried one by one when there are no more kinds of them. */
const MAX_ENUMERATED = 20_000;
/** Questions that one comparison may ask. */
const MAX_QUESTIONS = 20_000;
/** Rules that may be set aside in turn while looking for a request that they do not decide. */
const MAX_ROUNDS = 8;
const MAX_DEFAULT_ROUNDS = 200;
/** More than the longest request that is made here. */
const ODD = 1_000_000;
/** Variations of the requests that were looked at. */
const MAX_VARIED = 10_000;
/** With more rules than these, only the fields of the changed ones are varied. */
const MAX_VARIED_RULES = 300;

/** Finds requests that two bundles answer differently. Pure and bounded; every flip is confirmed by both engines. */
export function compareBundles(before: CompiledBundle, after: CompiledBundle): BundleDiff {
  const changes = ruleChanges(before, after);
  const defaultChanged = before.default !== after.default;
  const modules = JSON.stringify(modulesOf(before)) !== JSON.stringify(modulesOf(after));
  const shown = changes.map(({ before: _before, after: _after, ...change }) => change);
  if (changes.length === 0 && !defaultChanged) {
    return { changes: shown, defaultChanged, flips: [], complete: !modules && before.modules.length === 0 };
  }
  const search = new FlipSearch(before, after, changes);
  const enumerated = search.enumerate();
  if (!enumerated) search.aim();
  const complete = enumerated && before.modules.length === 0 && after.modules.length === 0;
  return { changes: shown, defaultChanged, flips: search.flips(), complete };
}

function modulesOf({ modules }: CompiledBundle): unknown {
  return modules.map(({ files, ...module }) => [module, files.map(([name, content]) => [name, [...content]])]);
}

/** A rule of either bundle. */
interface Side {
  readonly view: RuleView;
  readonly key: string;
}

/** One comparison under way: what it has found and what it has spent. */
class FlipSearch {
  readonly #engines: { readonly before: Engine; readonly after: Engine };
  readonly #solver: Solver;
  readonly #sides: readonly Side[];
  readonly #changes: readonly RuleChange[];
  readonly #defaultChanged: boolean;
  readonly #conditionOf: Map<RuleIr, RuleView>;
  readonly #found = new Map<string, Flip>();
  readonly #bundles: readonly CompiledBundle[];
  readonly #bases: ContextualRequest[] = [];
  #questions = 0;
  #varied = 0;

  constructor(before: CompiledBundle, after: CompiledBundle, changes: readonly RuleChange[]) {
    this.#engines = { before: linkBundle(withoutModules(before)), after: linkBundle(withoutModules(after)) };
    this.#bundles = [before, after];
    this.#solver = createSolver(createLinker({ ...fieldsOf(before), ...fieldsOf(after) }));
    const views = [before, after].flatMap((bundle) => bundle.sets.flatMap(ruleViews));
    this.#sides = views.map((view) => ({ view, key: `${view.set.layer}/${view.rule.id}` }));
    this.#conditionOf = new Map(views.map((view) => [view.rule, view]));
    this.#changes = changes;
    this.#defaultChanged = before.default !== after.default;
  }

  /** By policy, then by change. */
  flips(): readonly Flip[] {
    return [...this.#found.values()].toSorted((a, b) => {
      const [one, other] = [`${a.policies.join()} ${a.change}`, `${b.policies.join()} ${b.change}`];
      return one < other ? -1 : one > other ? 1 : 0;
    });
  }

  /** Tries every kind of request there is; false when there are too many or some cannot be made. */
  enumerate(): boolean {
    const conditions = this.#sides.map(({ view }) => view.condition);
    const linker = createLinker(Object.assign({}, ...this.#bundles.map(fieldsOf)));
    const requests = enumerateRequests(conditions, linker, MAX_ENUMERATED);
    if (requests === undefined) return false;
    for (const request of requests) this.#examine(request, undefined);
    return true;
  }

  /** Looks where something changed: at each changed policy alone, and together with each rule that says otherwise. */
  aim(): void {
    for (const change of this.#changes) {
      const differs = this.#interest(change);
      this.#explore(differs, change);
      const voices = new Set(
        [change.before, change.after].flatMap((rule) => (rule === undefined ? [] : [rule.effect.type])),
      );
      for (const { view } of this.#sides) {
        const own = view.rule === change.before || view.rule === change.after;
        if (own || (voices.size === 1 && voices.has(view.rule.effect.type))) continue;
        this.#explore(every(differs, view.holds), change);
      }
    }
    if (this.#defaultChanged) this.#exploreDefault();
    this.#vary();
  }

  /** That a changed policy says something else of a request than it did. */
  #interest({ before, after, aspects }: RuleChange): Claim {
    const says = (rule: RuleIr | undefined): Claim => {
      const view = rule === undefined ? undefined : this.#conditionOf.get(rule);
      if (view === undefined || rule === undefined) return some();
      return truthIs(view.condition, CAN_TRUE | (effectBlocks(rule.effect.type) ? CAN_ERROR : 0));
    };
    const [was, is] = [says(before), says(after)];
    const onlyCondition = aspects.length > 0 && aspects.every((aspect) => aspect === 'condition' || aspect === 'scope');
    return onlyCondition ? some(every(was, not(is)), every(not(was), is)) : some(was, is);
  }

  /** Follows a claim, setting aside one after the other the rules that decide both before and after. */
  #explore(claim: Claim, change: RuleChange): void {
    const aside: Claim[] = [];
    for (let round = 0; round < MAX_ROUNDS && this.#questions < MAX_QUESTIONS; round += 1) {
      this.#questions += 1;
      const asked = this.#solver.ask(every(claim, ...aside));
      if (asked.answer !== 'yes') return;
      const deciders = this.#examine(asked.request, change);
      const own = new Set([change.before, change.after]);
      this.#bases.push(asked.request);
      const masks = this.#masks(asked.request, deciders).filter(({ view }) => !own.has(view.rule));
      if (masks.length === 0) return;
      aside.push(...masks.map(({ view }) => not(view.matters)));
    }
  }

  #exploreDefault(): void {
    const aside: Claim[] = [];
    for (let round = 0; round < MAX_DEFAULT_ROUNDS; round += 1) {
      const asked = this.#solver.ask(every(...aside));
      if (asked.answer !== 'yes') return;
      const deciders = this.#examine(asked.request, undefined);
      this.#bases.push(asked.request);
      const masks = this.#masks(asked.request, deciders);
      if (masks.length === 0) return;
      aside.push(...masks.map(({ view }) => not(view.matters)));
    }
  }

  /** Rules that may have decided a request before the ones that are looked at could. */
  #masks(request: ContextualRequest, speaking: ReadonlySet<string>): readonly Side[] {
    return this.#sides.filter(
      ({ view, key }) => speaking.has(key) && canDecide(view) && this.#solver.holds(view.matters, request),
    );
  }

  /** Around every request that was looked at, tries every other value of each field, and of each pair of fields. */
  #vary(): void {
    const changed = this.#changes.flatMap(({ before, after }) => [before, after].filter((rule) => rule !== undefined));
    const rules = this.#sides.length <= MAX_VARIED_RULES ? this.#sides.map(({ view }) => view.rule) : changed;
    const leaves = rules.flatMap((rule) => [...rule.scope, ...leavesOf(rule.when)]);
    const variables = createVariables(createLinker(Object.assign({}, ...this.#bundles.map(fieldsOf)))).of(leaves);
    const choices = variables.map(({ field, cells }) => cells.map((cell): Choice => ({ field, cell })));
    const vary = (request: ContextualRequest, from: number, depth: number): void => {
      for (let index = from; index < choices.length; index += 1) {
        for (const choice of choices[index] ?? []) {
          if (this.#varied >= MAX_VARIED) return;
          this.#varied += 1;
          const varied = withChoice(request, choice);
          if (varied === undefined) continue;
          this.#examine(varied, undefined);
          if (depth > 1) vary(varied, index + 1, depth - 1);
        }
      }
    };
    for (const depth of [1, 2]) for (const base of this.#bases) vary(base, 0, depth);
  }

  /** Asks both engines about a request, keeps what differs, and says which rules may have decided. */
  #examine(request: ContextualRequest, change: RuleChange | undefined): ReadonlySet<string> {
    const [before, after] = [this.#engines.before.evaluate(request), this.#engines.after.evaluate(request)];
    const found = verdictChange(before, after);
    if (found !== undefined) this.#keep(request, found, change);
    return new Set([...speakers(before), ...speakers(after)]);
  }

  #changeOf(request: ContextualRequest): VerdictChange | undefined {
    return verdictChange(this.#engines.before.evaluate(request), this.#engines.after.evaluate(request));
  }

  #keep(request: ContextualRequest, change: VerdictChange, seed: RuleChange | undefined): void {
    const policies = this.#culprits(request, seed);
    const key = `${change} ${policies.join()}`;
    const known = this.#found.get(key);
    if (known !== undefined && this.#oddness(known.request) <= this.#oddness(request)) return;
    const smallest = smallestWitness(
      request,
      (smaller) => this.#changeOf(smaller) === change && this.#culprits(smaller, seed).join() === policies.join(),
    );
    if (known !== undefined && this.#oddness(known.request) <= this.#oddness(smallest)) return;
    this.#found.set(key, {
      change,
      policies,
      decidedBefore: deciders(this.#engines.before, smallest),
      decidedAfter: deciders(this.#engines.after, smallest),
      request: smallest,
    });
  }

  /** A request is a better example the fewer conditions err on it, and then the shorter it is. */
  #oddness(request: ContextualRequest): number {
    const { before, after } = this.#engines;
    const errors = before.evaluate(request).errors.length + after.evaluate(request).errors.length;
    return errors * ODD + JSON.stringify(request).length;
  }

  /** The changed policies that speak of a request; of these, the ones that decided, when there are any. */
  #culprits(request: ContextualRequest, seed: RuleChange | undefined): readonly string[] {
    const decided = new Set([...deciders(this.#engines.before, request), ...deciders(this.#engines.after, request)]);
    const speaking = this.#changes.filter((change) => this.#solver.holds(this.#interest(change), request));
    const deciding = speaking.filter(({ layer, policy }) => decided.has(`${layer}/${policy}`));
    const chosen = deciding.length > 0 ? deciding : speaking.length > 0 ? speaking : seed === undefined ? [] : [seed];
    const names = chosen.map(({ layer, set, policy }) => `${layer}/${set}/${policy}`);
    return names.length === 0 ? ['default'] : names.sort();
  }
}

/** The rules whose voice became a set's outcome, as `<layer>/<slug>`. */
function deciders(engine: Engine, request: ContextualRequest): readonly string[] {
  const { sets } = engine.explain(request);
  return sets.flatMap(({ layer, rules }) =>
    rules.filter(({ role }) => role === 'decided').map(({ policy }) => `${layer}/${policy}`),
  );
}

/** The rules that spoke, as `<layer>/<slug>`; cheaper than an explanation. */
function speakers({ deny, matched }: Verdict): readonly string[] {
  return [...deny.map(({ path }) => path), ...matched.map(({ layer, policy }) => `${layer}/${policy}`)];
}

function canDecide({ decides, set, rule }: RuleView): boolean {
  return decides !== undefined || (set.combining === 'deny_overrides' && (isAllow(rule) || isBlocking(rule)));
}

/** Modules of other engines are compared as files only; here they say nothing. */
function withoutModules(bundle: CompiledBundle): CompiledBundle {
  return bundle.modules.length === 0 ? bundle : { ...bundle, modules: [] };
}
