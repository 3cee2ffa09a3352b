import { sha256Hex } from '../../bundle/digest.js';
import type { ModuleIr } from '../../engine/ir.js';
import type { ModuleEvaluator } from '../../engine/link.js';
import type { ContextualRequest } from '../../model/facts.js';
import { explainedSet, type ModuleFinding, outcomeOf } from '../module-verdict.js';
import type { CedarLibrary } from './cedar-library.js';
import type { CedarModule } from './cedar-module.js';
import { type CedarEntity, type CedarRequest, type EntityUid, toCedarRequest } from './cedar-request.js';

/** The library keeps parsed policies under a name for as long as the process lives; so many names there are per module. */
const SLOTS = 64;

/** Makes the evaluator of a module that passed every check. */
export function createCedarEvaluator(
  library: CedarLibrary,
  ir: ModuleIr,
  module: CedarModule,
  policyVersion: string,
): ModuleEvaluator {
  const store = createPolicyStore(library, ir, module);
  const own = new Map(module.entities.map((entity) => [keyOf(entity.uid), entity]));
  const failed = (fault: string): readonly ModuleFinding[] => module.policies.map(({ rule }) => ({ rule, fault }));

  const find = (request: ContextualRequest): readonly ModuleFinding[] => {
    let asked: CedarRequest;
    try {
      asked = toCedarRequest(request);
    } catch (error) {
      return failed(`the request has no form in Cedar: ${messageOf(error)}`);
    }
    const answer = store.ask(asked, mergeEntities(own, asked.entities));
    if ('failure' in answer) return failed(answer.failure);
    return module.policies.flatMap(({ rule }): readonly ModuleFinding[] => {
      const fault = answer.errors.get(rule.id);
      if (fault !== undefined) return [{ rule, fault }];
      return answer.holds.has(rule.id) ? [{ rule }] : [];
    });
  };

  const findOrFail = (request: ContextualRequest): readonly ModuleFinding[] => {
    try {
      return find(request);
    } catch {
      return failed('Cedar could not be asked');
    }
  };
  const rules = module.policies.map(({ rule }) => rule);

  return {
    ir,
    evaluate: (request) => outcomeOf(ir, findOrFail(request), request, policyVersion),
    explain: (request) => explainedSet(ir, rules, findOrFail(request)),
  };
}

type Answer =
  | { readonly holds: ReadonlySet<string>; readonly errors: ReadonlyMap<string, string> }
  | { readonly failure: string };

interface PolicyStore {
  ask(request: CedarRequest, entities: readonly CedarEntity[]): Answer;
}

/**
 * Asks the library about parsed policies. A name may have been taken by another version of the module since (names are
 * few, so that releases do not pile up in the library's memory); a policy that always holds tells whose policies answered.
 */
function createPolicyStore(library: CedarLibrary, ir: ModuleIr, { policies }: CedarModule): PolicyStore {
  const texts = Object.fromEntries(policies.map(({ rule, asPermit }) => [rule.id, asPermit]));
  const digest = sha256Hex(new TextEncoder().encode(JSON.stringify(texts)));
  // Not a slug, so no policy of an author has this id.
  const marker = `#${digest}`;
  const name = `${ir.layer}/${ir.name}/${Number.parseInt(digest.slice(0, 8), 16) % SLOTS}`;
  const staticPolicies = { ...texts, [marker]: 'permit(principal, action, resource);' };

  const put = (): string | undefined => {
    const answer = library.preparsePolicySet(name, { staticPolicies });
    return answer.type === 'success' ? undefined : (answer.errors[0]?.message ?? 'the policies cannot be read');
  };
  const askOnce = (request: CedarRequest, entities: readonly CedarEntity[]): Answer => {
    const { principal, action, resource, context } = request;
    const call = { principal, action, resource, context, entities, preparsedPolicySetId: name, validateRequest: false };
    const answer = library.statefulIsAuthorized(call as unknown as Parameters<CedarLibrary['statefulIsAuthorized']>[0]);
    if (answer.type === 'failure') return { failure: 'Cedar refuses the request' };
    const { reason, errors } = answer.response.diagnostics;
    return {
      holds: new Set(reason),
      errors: new Map(errors.map(({ policyId, error }) => [policyId, kindOfFault(error.message)])),
    };
  };
  const fault = put();
  return {
    ask: (request, entities) => {
      if (fault !== undefined) return { failure: fault };
      const first = askOnce(request, entities);
      // A request that Cedar refuses says nothing of whose policies are there.
      if ('failure' in first || first.holds.has(marker)) return first;
      const again = put();
      const second = again === undefined ? askOnce(request, entities) : { failure: again };
      return 'failure' in second || second.holds.has(marker) ? second : { failure: 'other policies answered' };
    },
  };
}

/** What kind of error it is; the library's own words may quote values of the request. */
function kindOfFault(message: string): string {
  if (message.includes('does not have the attribute')) return 'it reads an attribute that is not there; ask with `has`';
  if (message.startsWith('type error')) return 'it compares values of different types';
  if (message.includes('does not exist')) return 'it reads an entity that does not exist';
  if (message.includes('overflow')) return 'its arithmetic overflows';
  return 'it has no value for this request';
}

/** The author's entities beside the request's; of one that both have, the request's attributes and both's parents count. */
function mergeEntities(own: ReadonlyMap<string, CedarEntity>, asked: readonly CedarEntity[]): readonly CedarEntity[] {
  const merged = new Map(own);
  for (const entity of asked) {
    const known = merged.get(keyOf(entity.uid));
    if (known === undefined) merged.set(keyOf(entity.uid), entity);
    else {
      const attrs = { ...known.attrs, ...entity.attrs };
      merged.set(keyOf(entity.uid), { ...known, attrs, parents: [...known.parents, ...entity.parents] });
    }
  }
  return [...merged.values()];
}

function keyOf({ type, id }: EntityUid): string {
  return `${type}::${id}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown reason';
}
