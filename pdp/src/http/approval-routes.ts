/** The approvers' routes: what waits, and what people say to it. An agent may look at what it waits for. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApproverConnection, CertifiedApprovers } from '../approvals/approver-certificates.js';
import type { ApproverReader } from '../approvals/approver-token.js';
import type { ApprovalDesk, GrantWish } from '../approvals/desk.js';
import { type Person, voiceOf } from '../approvals/people.js';
import { APPROVAL_STATES, type Approval, type ApprovalState, type ApprovalStore } from '../approvals/port.js';
import { previewDocument } from '../approvals/preview-wire.js';
import { approvalDocument, approvalStatus, grantDocument } from '../approvals/wire.js';
import type { GatewayTenants } from '../pipeline/normalize.js';
import { isObject, readJsonObject } from './body.js';
import type { HttpCallers } from './caller.js';
import { invalidRequest } from './problems.js';

/** What the routes work with. */
export interface ApprovalRouteParts {
  readonly desk: ApprovalDesk;
  /** Those with tokens. */
  readonly approvers: ApproverReader | undefined;
  /** Those with certificates. */
  readonly certified: CertifiedApprovers | undefined;
  /** For agents that wait. */
  readonly waiting: Pick<ApprovalStore, 'find'>;
  readonly reveal: (about: JsonObject) => JsonObject;
}

/** What they share with the other routes. */
export interface ApprovalRouteContext {
  readonly callers: HttpCallers;
  readonly gateways: GatewayTenants;
  readonly maxBodyBytes: number;
}

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const MAX_COMMENT = 500;
const LIST_LIMIT = 100;
const GRANT_MEMBERS = ['approval', 'count', 'expires_seconds', 'vary', 'budget', 'comment'];

/** Adds the routes. */
export function addApprovalRoutes(
  app: FastifyInstance,
  parts: ApprovalRouteParts,
  context: ApprovalRouteContext,
): void {
  const { desk, reveal } = parts;
  const personOf = (request: FastifyRequest): Promise<Person> => approverOf(request, parts);
  const bodyOf = (request: FastifyRequest, names: readonly string[]): JsonObject => {
    const body = readJsonObject(request.body, context.maxBodyBytes);
    const stray = Object.keys(body).find((name) => !names.includes(name));
    if (stray !== undefined) throw invalidRequest('unknown', stray);
    return body;
  };
  const shown = (approval: Approval): JsonObject => approvalDocument(approval, reveal(approval.about));

  const route = (method: 'GET' | 'POST', url: string, handler: (request: FastifyRequest) => Promise<unknown>): void =>
    void app.route({ method, url, handler });

  route('GET', '/v1/approvals', async (request) => {
    const person = await personOf(request);
    const found = await desk.list(person, filterOf(request.query));
    return { approvals: found.map(shown) };
  });
  route('GET', '/v1/approvals/:id', async (request) => {
    const agent = await agentOf(request, context);
    if (agent === undefined) return shown(await desk.show(await personOf(request), idOf(request)));
    return approvalStatus(await waitedFor(parts.waiting, agent, idOf(request)));
  });
  for (const verb of ['approve', 'deny', 'revoke'] as const) {
    route('POST', `/v1/approvals/:id/${verb}`, async (request) => {
      const person = await personOf(request);
      const comment = commentOf(bodyOf(request, ['comment']));
      const id = idOf(request);
      return shown(await (verb === 'revoke' ? desk.revoke(person, id, comment) : desk.vote(person, id, verb, comment)));
    });
  }
  route('GET', '/v1/grants', async (request) => {
    const grants = await desk.grants(await personOf(request));
    return { grants: grants.map(grantDocument) };
  });
  route('GET', '/v1/grants/:id', async (request) =>
    grantDocument(await desk.showGrant(await personOf(request), idOf(request))),
  );
  route('POST', '/v1/grants/preview', async (request) => {
    const person = await personOf(request);
    return previewDocument(await desk.preview(person, wishOf(bodyOf(request, GRANT_MEMBERS))));
  });
  app.route({
    method: 'POST',
    url: '/v1/grants',
    handler: async (request, reply) => {
      const person = await personOf(request);
      const body = bodyOf(request, GRANT_MEMBERS);
      const grant = await desk.grant(person, wishOf(body));
      reply.code(201);
      return grantDocument(grant);
    },
  });
  route('POST', '/v1/grants/:id/revoke', async (request) => {
    const person = await personOf(request);
    return grantDocument(await desk.revokeGrant(person, idOf(request), commentOf(bodyOf(request, ['comment']))));
  });
}

/** By certificate, by token, or by both when they are one person: then the token says what they may answer. */
async function approverOf(
  { headers, raw }: FastifyRequest,
  { approvers, certified }: Pick<ApprovalRouteParts, 'approvers' | 'certified'>,
): Promise<Person> {
  const holder = certified?.personOf(raw.socket as ApproverConnection);
  if (headers.authorization === undefined && holder !== undefined) return holder;
  const token = BEARER.exec(headers.authorization ?? '')?.[1];
  if (token === undefined) throw unidentified("expected an approver's token or certificate");
  if (approvers === undefined) throw unidentified("no approver's tokens are accepted here, only certificates");
  const bearer = await approvers.personOf(token);
  if (holder !== undefined && (holder.tenant !== bearer.tenant || voiceOf(holder) !== voiceOf(bearer))) {
    throw unidentified('the token and the certificate name different people');
  }
  return bearer;
}

function unidentified(message: string): PortcullisError {
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', message);
}

interface Waiting {
  readonly tenants: readonly string[];
  /** Every agent of the tenants, without one. */
  readonly agent: string | undefined;
}

async function waitedFor(store: ApprovalRouteParts['waiting'], { tenants, agent }: Waiting, id: string) {
  for (const tenant of tenants) {
    const approval = await store.find(tenant, id);
    if (approval !== undefined && (agent === undefined || agent === approval.agent)) return approval;
  }
  throw new PortcullisError('ERR_APPROVAL_UNKNOWN', 'invalid', 'there is no such approval');
}

/** An agent, or a gateway for its agents, by certificate or token of their own; `undefined` for whom that does not name. */
async function agentOf(
  request: FastifyRequest,
  { callers, gateways }: ApprovalRouteContext,
): Promise<Waiting | undefined> {
  let caller: PeerIdentity;
  try {
    caller = await callers.callerOf(request);
  } catch {
    // An approver's token is none of a caller, and the other way round.
    return undefined;
  }
  if (caller.kind === 'agent') return { tenants: [caller.tenant], agent: caller.agent };
  return caller.kind === 'gateway' ? { tenants: [...(gateways.get(caller.name) ?? [])], agent: undefined } : undefined;
}

function idOf({ params }: FastifyRequest): string {
  return String((params as { readonly id?: unknown }).id);
}

function filterOf(query: unknown): { readonly states: readonly ApprovalState[]; readonly limit: number } {
  const { state, limit, ...rest } = query as { readonly [name: string]: unknown };
  const [stray] = Object.keys(rest);
  if (stray !== undefined) throw invalidRequest('unknown', stray);
  const known = APPROVAL_STATES.find((one) => one === state);
  if (state !== undefined && state !== 'all' && known === undefined) {
    throw invalidRequest(`expected all or one of ${APPROVAL_STATES.join(', ')}`, 'state');
  }
  const wanted = limit === undefined ? LIST_LIMIT : Number(limit);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 1_000) throw invalidRequest('expected 1 to 1000', 'limit');
  if (state === 'all') return { states: [], limit: wanted };
  return { states: [known ?? 'pending'], limit: wanted };
}

function commentOf({ comment = '' }: JsonObject): string {
  if (typeof comment !== 'string' || comment.length > MAX_COMMENT || !comment.isWellFormed()) {
    throw invalidRequest(`expected a text of at most ${MAX_COMMENT} characters`, 'comment');
  }
  return comment;
}

function wishOf(body: JsonObject): GrantWish {
  const { approval, count, expires_seconds: seconds, vary = [], budget } = body;
  if (typeof approval !== 'string') throw invalidRequest('expected the id of an approval', 'approval');
  if (!Array.isArray(vary) || vary.length > 64 || vary.some((name) => typeof name !== 'string')) {
    throw invalidRequest('expected a list of names of arguments', 'vary');
  }
  return {
    approval,
    count: whole(count, 1_000_000, 'count'),
    seconds: whole(seconds, Number.MAX_SAFE_INTEGER, 'expires_seconds'),
    vary: vary as readonly string[],
    budget: budgetOf(budget),
    comment: commentOf(body),
  };
}

function whole(value: Json | undefined, most: number, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalidRequest(`expected a whole number from 1${most < 1e15 ? ` to ${most}` : ''}`, path);
}

function budgetOf(value: Json | undefined): GrantWish['budget'] {
  if (value === undefined) return undefined;
  if (isObject(value) && Object.keys(value).length === 2) {
    const { argument, limit } = value;
    if (typeof argument === 'string' && typeof limit === 'number' && limit >= 0) return { argument, limit };
  }
  throw invalidRequest('expected argument, a name, and limit, an amount', 'budget');
}
