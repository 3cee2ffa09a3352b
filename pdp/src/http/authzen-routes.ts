/** The routes of the OpenID AuthZEN Authorization API 1.0. Search needs a list of what there is, which nobody keeps. */

import { randomUUID } from 'node:crypto';
import type { PeerIdentity } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Decide } from '../pipeline/decide.js';
import type { GatewayTenants } from '../pipeline/normalize.js';
import { type AuthzenDecision, notAnEvaluation, toAuthzen } from './authzen-answer.js';
import { toCanonical } from './authzen-canonical.js';
import { type Batch, type Evaluation, readBatch, readEvaluation, type Semantic } from './authzen-request.js';
import { readJsonObject } from './body.js';
import { authenticated } from './caller.js';
import { userTokenOf } from './user-token.js';

/** What the routes work with. */
export interface AuthzenParts {
  readonly decide: Decide;
  readonly gateways: GatewayTenants;
  readonly clock: Clock;
  /** Milliseconds for one call, however many evaluations it has. */
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  /** How clients write this service; known once the port is bound. */
  readonly publicUrl: () => string;
}

/** What the caller of a request may say, and by when it wants to hear. */
interface Asking {
  readonly caller: PeerIdentity;
  readonly requestId: string | undefined;
  readonly userToken?: string;
  readonly deadline: number;
}

/** After which answer a batch ends. */
const ENDS_AT: Readonly<Record<Semantic, boolean | undefined>> = {
  execute_all: undefined,
  deny_on_first_deny: false,
  permit_on_first_permit: true,
};
/** An id of the caller's that the canonical request has room for. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Adds the routes. */
export function addAuthzenRoutes(app: FastifyInstance, parts: AuthzenParts): void {
  app.route({
    method: 'POST',
    url: '/access/v1/evaluation',
    handler: async (request) => {
      const evaluation = readEvaluation(readJsonObject(request.body, parts.maxBodyBytes));
      return decideOne(parts, evaluation, askingOf(request));
    },
  });

  app.route({
    method: 'POST',
    url: '/access/v1/evaluations',
    handler: async (request) => {
      const body = readJsonObject(request.body, parts.maxBodyBytes);
      const batch = readBatch(body);
      const asking = askingOf(request);
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
      };
    },
  });

  function askingOf(request: FastifyRequest): Asking {
    const named = request.headers['x-request-id'];
    return {
      caller: authenticated(request),
      requestId: typeof named === 'string' && REQUEST_ID.test(named) ? named : undefined,
      ...userTokenOf(request),
      deadline: parts.clock.monotonic() + parts.deadlineMs,
    };
  }
}

async function decideOne(parts: AuthzenParts, evaluation: Evaluation, asking: Asking): Promise<AuthzenDecision> {
  const { caller, requestId = randomUUID(), deadline, userToken } = asking;
  // What cannot be mapped is denied by the pipeline, so that it is on record like every other denial.
  const subject = toCanonical(evaluation, {
    caller,
    onlyTenant: onlyTenantOf(caller, parts.gateways),
    timestamp: new Date(parts.clock.now()).toISOString(),
    requestId,
  });
  const decision = await parts.decide({
    caller,
    subject,
    claimedDigest: undefined,
    ...(userToken === undefined ? {} : { userToken }),
    deadline,
  });
  return toAuthzen(decision, evaluation.context['supported_obligations']);
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

function onlyTenantOf(caller: PeerIdentity, gateways: GatewayTenants): string | undefined {
  const tenants = caller.kind === 'gateway' ? gateways.get(caller.name) : undefined;
  return tenants?.size === 1 ? [...tenants][0] : undefined;
}
