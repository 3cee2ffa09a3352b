/** Asking about a request until what is allowed is what would be sent. */

import type { CanonicalRequest, Condition, JsonObject } from '@portcullis/policy/model';
import type { PolicyClient } from '../../ask/port.js';
import { giveBack } from '../../enforce/account.js';
import { tokenCap } from '../../enforce/capabilities.js';
import { type Guard, isRefusal, NAMES_UNKNOWN } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { createStoppedSince } from '../../enforce/stopped-since.js';
import { NerFailure } from '../../redact/ner/port.js';
import type { Inference, LlmAttempts } from './attempts.js';
import type { LlmConfig } from './config.js';
import { mapTexts } from './content.js';
import { type AnswerFilter, type ContentFilters, lookedChange } from './content-filters.js';
import { isAsked } from './endpoint.js';
import { listOf } from './json-values.js';

/** A request that was allowed. */
export interface Granted {
  /** As it was allowed; a decision may have changed it. */
  readonly inference: Inference;
  readonly permit: Permit;
  /** What is done with the answer: what the permit's decision says, and those before it that the request was changed for. */
  readonly filter: AnswerFilter;
  /** The conditions of those decisions. */
  readonly ordered: readonly Condition[];
  /** The tools of the provider that were allowed with it. */
  readonly hosted: readonly Permit[];
  readonly inputTokens: number;
  readonly request: CanonicalRequest;
}

/** Asks. Whatever is not acted upon is given back. */
export type Grant = (inference: Inference) => Promise<Granted | Refusal>;

/** Whether it was allowed. */
export function isGranted(outcome: Granted | Refusal): outcome is Granted {
  return 'permit' in outcome;
}

/** What it needs. */
export interface GrantOptions {
  readonly guard: Guard;
  /** Of the tools of a provider: nothing that a decision orders about them could be carried out. */
  readonly strictGuard: Guard;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly open: Pick<OpenAttempts, 'kills' | 'stops'>;
  readonly attempts: LlmAttempts;
  readonly filters: ContentFilters;
  readonly config: Pick<LlmConfig, 'maxTokens'>;
}

/** What was allowed, and how often a kill switch had moved then. */
interface Allowed {
  readonly granted: Granted;
  readonly kills: number;
}

/** A tool of the provider that may be used. */
interface Hosted {
  readonly permit: Permit;
  readonly request: CanonicalRequest;
}

/** Questions about one request: it, with a limit or without a text, and once more. */
const MAX_ROUNDS = 3;

/** Makes it. */
export function createGrant(options: GrantOptions): Grant {
  const { guard, strictGuard, refuser, client, open, attempts, filters, config } = options;
  const stoppedSince = createStoppedSince(open, refuser);

  return async (inference) => {
    const allowed = await grant(inference);
    if ('kind' in allowed) return allowed;
    const { granted, kills } = allowed;
    const hosted = await hostedTools(granted.inference);
    if ('kind' in hosted) {
      giveBack(client, granted.permit);
      return hosted;
    }
    const permits = hosted.map(({ permit }) => permit);
    // While names or tools were asked about, somebody may have been stopped: perhaps this one.
    const stopped = await stoppedSince(kills, [granted.request, ...hosted.map(({ request }) => request)]);
    if (stopped === undefined) return { ...granted, hosted: permits };
    for (const permit of [granted.permit, ...permits]) giveBack(client, permit);
    return stopped;
  };

  /** Tools that the provider would use while it answers: nobody could stop it then. */
  async function hostedTools(inference: Inference): Promise<readonly Hosted[] | Refusal> {
    const allowed: Hosted[] = [];
    for (const tool of inference.asked.tools.filter(({ by }) => by === 'provider')) {
      const attempt = attempts.hosted(inference, tool);
      const outcome = await strictGuard(attempt);
      if (isRefusal(outcome)) {
        for (const { permit } of allowed) giveBack(client, permit);
        return outcome;
      }
      allowed.push({ permit: outcome, request: attempt.request });
    }
    return allowed;
  }

  /** Asks; again about what the decision makes of the request, until that is what was asked about. */
  async function grant(inference: Inference): Promise<Allowed | Refusal> {
    let current = inference;
    const earlier: Condition[] = [];
    for (let round = 1; ; round += 1) {
      const attempt = attempts.inference(current);
      const outcome = await guard(attempt);
      if (isRefusal(outcome)) return outcome;
      const { kills } = open;
      const { request, inputTokens } = attempt;
      const adjusted = await adjust(current, outcome).catch((thrown: unknown) => {
        giveBack(client, outcome);
        if (!(thrown instanceof NerFailure)) throw thrown;
        return thrown;
      });
      if (adjusted instanceof NerFailure) {
        const { decision_id } = outcome;
        return refuser.refuse('OBLIGATION_UNSUPPORTED', {
          message: NAMES_UNKNOWN,
          decision_id,
          request,
          cause: adjusted,
        });
      }
      if (adjusted === current) {
        const filter = filters.answer(outcome, earlier);
        const ordered = [...outcome.conditions, ...earlier];
        const granted = { inference: current, permit: outcome, filter, ordered, hosted: [], inputTokens, request };
        return { granted, kills };
      }
      earlier.push(...outcome.conditions);
      giveBack(client, outcome);
      const { decision_id } = outcome;
      if (adjusted === undefined) {
        const message = `an answer may have at most ${tokenCap(outcome) ?? 0} tokens; ask for that many`;
        return refuser.refuse('POLICY_DENIED', { message, decision_id, request });
      }
      if (round === MAX_ROUNDS) return refuser.refuse('OBLIGATION_UNSUPPORTED', { decision_id, request });
      current = adjusted;
    }
  }

  /** The request as the decision's conditions want it; the same one when it is so already, nothing when it cannot be. */
  async function adjust(inference: Inference, permit: Permit): Promise<Inference | undefined> {
    const { endpoint, asked } = inference;
    let { body } = inference;
    const filter = filters.request(permit);
    if (filter !== undefined) {
      const { readsInputs } = filter;
      const change = await lookedChange(filter, (collect) => mapTexts(asked.content, collect, readsInputs));
      const content = mapTexts(asked.content, change, readsInputs);
      if (content !== asked.content) body = { ...body, ...(content as JsonObject) };
    }
    if (filter !== undefined || filters.answer(permit).isActive) body = withoutTokens(body);
    const cap = tokenCap(permit);
    if (cap !== undefined && !isWithin(inference, cap)) {
      const lowered = config.maxTokens === 'lower' ? endpoint.limited(body, cap) : undefined;
      if (lowered === undefined) return undefined;
      body = lowered;
    }
    if (body === inference.body) return inference;
    const again = endpoint.read(body);
    return isAsked(again) ? { ...inference, body, asked: again } : undefined;
  }
}

/** Whether the request's own limit keeps to the decision's. What generates nothing does. */
function isWithin({ endpoint, asked }: Inference, cap: number): boolean {
  return endpoint.action !== 'chat' || (asked.maxTokens !== undefined && asked.maxTokens <= cap);
}

/** Without what would have the answer's words once more, token by token, where no filter can know them. */
function withoutTokens(body: JsonObject): JsonObject {
  const { logprobs, top_logprobs: top, include } = body;
  const kept = listOf(include)?.filter((one) => one !== 'message.output_text.logprobs');
  if (logprobs === undefined && top === undefined && kept?.length === listOf(include)?.length) return body;
  const { logprobs: _logprobs, top_logprobs: _top, ...rest } = body;
  return kept === undefined ? rest : { ...rest, include: kept };
}
