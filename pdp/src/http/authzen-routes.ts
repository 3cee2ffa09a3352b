/** The routes of the OpenID AuthZEN Authorization API 1.0 but search, which search-routes.ts has. */

import type { Clock } from '@portcullis/runtime';
import type { FastifyInstance } from 'fastify';
import type { Decide } from '../pipeline/decide.js';
import type { GatewayTenants } from '../pipeline/normalize.js';
import { SEARCHES } from '../search/candidates.js';
import { requestable } from './access-request.js';
import { type AccessRequestParts, REQUESTS_PATH } from './access-request-routes.js';
import { type AuthzenDecision, notAnEvaluation, toAuthzen } from './authzen-answer.js';
import { type Asking, askingOf, attemptOf } from './authzen-attempt.js';
import type { ObligationWords } from './authzen-obligations.js';
import { type Batch, type Evaluation, readBatch, readEvaluation, type Semantic } from './authzen-request.js';
import { readJsonObject } from './body.js';
import type { Vocabulary } from './http-config.js';
import type { SearchParts } from './search-routes.js';

/** What the routes work with. */
export interface AuthzenParts {
  readonly decide: Decide;
  readonly gateways: GatewayTenants;
  readonly vocabulary: Vocabulary;
  readonly clock: Clock;
  /** Milliseconds for one call, however many evaluations it has. */
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  /** How clients write this service; known once the port is bound. */
  readonly publicUrl: () => string;
  /** Without it nothing is searched, and nothing says so. */
  readonly search: SearchParts | undefined;
  /** How what an allow is tied to is said. */
  readonly words: ObligationWords;
  /** Without it a hold is a denial like any other. */
  readonly accessRequests: AccessRequestParts | undefined;
}

/** Of the draft of the access request profile. */
const ACCESS_REQUESTS = 'urn:openid:authzen:capability:access-request';

/** After which answer a batch ends. */
const ENDS_AT: Readonly<Record<Semantic, boolean | undefined>> = {
  execute_all: undefined,
  deny_on_first_deny: false,
  permit_on_first_permit: true,
};

/** Adds the routes. */
export function addAuthzenRoutes(app: FastifyInstance, parts: AuthzenParts): void {
  app.route({
    method: 'POST',
    url: '/access/v1/evaluation',
    handler: async (request) => {
      const evaluation = readEvaluation(readJsonObject(request.body, parts.maxBodyBytes));
      return decideOne(parts, evaluation, askingOf(request, parts));
    },
  });

  app.route({
    method: 'POST',
    url: '/access/v1/evaluations',
    handler: async (request) => {
      const body = readJsonObject(request.body, parts.maxBodyBytes);
      const batch = readBatch(body);
      const asking = askingOf(request, parts);
      if (batch === undefined) return decideOne(parts, readEvaluation(body), asking);
      return { evaluations: await decideAll(parts, batch, asking) };
    },
  });

  app.route({
    method: 'GET',
    url: '/.well-known/authzen-configuration',
    handler: async (_request, reply) => {
      const base = parts.publicUrl();
      reply.header('cache-control', 'max-age=3600');
      return {
        policy_decision_point: base,
        access_evaluation_endpoint: `${base}/access/v1/evaluation`,
        access_evaluations_endpoint: `${base}/access/v1/evaluations`,
        ...(parts.search === undefined
          ? {}
          : Object.fromEntries(
              SEARCHES.map((kind) => [`search_${kind}_endpoint`, `${base}/access/v1/search/${kind}`]),
            )),
        ...(parts.words.announced.length === 0 ? {} : { supported_obligations: parts.words.announced }),
        ...(parts.accessRequests === undefined
          ? {}
          : { access_request_endpoint: base + REQUESTS_PATH, capabilities: [ACCESS_REQUESTS] }),
      };
    },
  });
}

async function decideOne(parts: AuthzenParts, evaluation: Evaluation, asking: Asking): Promise<AuthzenDecision> {
  const { accessRequests, gateways, clock, vocabulary } = parts;
  const isReference = accessRequests !== undefined;
  const attempt = attemptOf(evaluation, asking, { gateways, clock, vocabulary, isReference });
  const decision = await parts.decide(attempt);
  const answer = toAuthzen(decision, evaluation.context, parts.words);
  if (accessRequests === undefined || answer.decision || !attempt.subject.ok) return answer;
  const { tenant_id: tenant, agent } = attempt.subject.value;
  const about = { tenant, agent: agent.id, now: clock.now() };
  const where = { sealer: accessRequests.sealer, endpoint: parts.publicUrl() + REQUESTS_PATH };
  return { ...answer, context: { ...answer.context, ...requestable(decision, evaluation, about, where) } };
}

async function decideAll(parts: AuthzenParts, batch: Batch, asking: Asking): Promise<readonly AuthzenDecision[]> {
  const answer = async (one: Batch['evaluations'][number]): Promise<AuthzenDecision> => {
    if (one.ok) return decideOne(parts, one.value, asking);
    const [problem] = one.problems;
    return notAnEvaluation(problem?.message ?? 'is not an evaluation', problem?.path ?? '');
  };
  const last = ENDS_AT[batch.semantic];
  if (last === undefined) return Promise.all(batch.evaluations.map(answer));
  const answers: AuthzenDecision[] = [];
  for (const one of batch.evaluations) {
    const given = await answer(one);
    answers.push(given);
    if (given.decision === last) break;
  }
  return answers;
}
