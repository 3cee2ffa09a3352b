/** Whether a tool may be shown in a list: where the list may be had, and some call of the tool could be allowed. */

import type { Engine } from '@portcullis/policy';
import { type ContextualRequest, kindOf, type Verdict } from '@portcullis/policy/model';

/** Of a call that nobody has made yet. */
const UNKNOWN_OF_CALL = ['tool.arguments', 'tool.attributes', 'facts', 'intent_risk', 'context.approval'];
const CALL = 'tools/call';

/** Whether the request asks about one tool of a list: a `tool_list` that names it. */
export function isListing(request: ContextualRequest): boolean {
  return kindOf(request) === 'tool_list' && request.tool?.name !== undefined;
}

/** The verdict on a listing, or a denial where no call of the tool could be allowed. A call is decided all the same. */
export function adjudicateListing(request: ContextualRequest, engine: Engine): Verdict {
  const verdict = engine.evaluate(request);
  if (verdict.effect !== 'allow') return verdict;
  const call: ContextualRequest = {
    ...request,
    kind: 'tool_call',
    tool: { ...request.tool, operation: CALL },
    unavailable: [...(request.unavailable ?? []), ...UNKNOWN_OF_CALL],
  };
  if (engine.couldAllow(call)) return verdict;
  const deny = [{ code: 'NO_MATCHING_POLICY', message: 'no policy allows a call of this tool', path: 'tool' }] as const;
  return { ...verdict, effect: 'deny', deny, conditions: [], obligations: [], guards: [] };
}
