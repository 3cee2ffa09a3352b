/** AuthZEN's search: who may, to what, and what they may do, among the candidates that there are (ADR-0022). */

import type { JsonObject } from '@portcullis/policy/model';
import { jsonDigestHex, type PeerIdentity } from '@portcullis/proto';
import { type Clock, type Json, PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance } from 'fastify';
import type { Decide } from '../pipeline/decide.js';
import { type GatewayTenants, speaksFor } from '../pipeline/normalize.js';
import type { Snapshot, SnapshotSource } from '../pipeline/ports.js';
import { type Candidate, type Candidates, candidatesFor, SEARCHES, type SearchKind } from '../search/candidates.js';
import type { Listed } from '../search/listed.js';
import type { PageMark, PageTokens } from '../search/page-token.js';
import { fillPage } from '../search/search-page.js';
import { type AuthzenDecision, toAuthzen } from './authzen-answer.js';
import { type Asking, askingOf, attemptOf, tenantOfEvaluation } from './authzen-attempt.js';
import type { ObligationWords } from './authzen-obligations.js';
import { readJsonObject } from './body.js';
import { isKnownType, type Vocabulary } from './http-config.js';
import { invalidRequest } from './problems.js';
import { readSearch, type Search, withCandidate } from './search-request.js';

/** What the routes work with. */
export interface SearchParts {
  readonly snapshots: SnapshotSource;
  /** Decides under a release without consequences. */
  readonly dryDecide: (snapshot: Snapshot) => Decide;
  readonly tokens: PageTokens;
  /** What the configuration lists. */
  readonly listed: Listed;
  readonly maxResults: number;
  readonly pageMs: number;
  readonly maxAtOnce: number;
}

/** What they share with the other routes. */
export interface SearchContext {
  readonly gateways: GatewayTenants;
  readonly vocabulary: Vocabulary;
  readonly clock: Clock;
  /** Milliseconds for one candidate. */
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  readonly words: ObligationWords;
}

/** Something permitted; `obligations` go with it. */
type Result = JsonObject;

/** Adds the routes. */
export function addSearchRoutes(app: FastifyInstance, parts: SearchParts, context: SearchContext): void {
  let underWay = 0;
  for (const kind of SEARCHES) {
    app.route({
      method: 'POST',
      url: `/access/v1/search/${kind}`,
      handler: async (request) => {
        const search = readSearch(kind, readJsonObject(request.body, context.maxBodyBytes));
        const asking = askingOf(request, context);
        if (underWay >= parts.maxAtOnce) {
          throw new PortcullisError('ERR_SEARCH_BUSY', 'unavailable', 'as many searches as may be are under way');
        }
        underWay += 1;
        try {
          return await answer(parts, context, search, asking);
        } finally {
          underWay -= 1;
        }
      },
    });
  }
}

async function answer(
  parts: SearchParts,
  { gateways, clock, vocabulary, deadlineMs, words }: SearchContext,
  search: Search,
  asking: Asking,
): Promise<object> {
  const { caller } = asking;
  const tenant = tenantOfEvaluation(search.pattern, caller, gateways);
  requireOwn(search, caller, tenant, gateways);
  const current = parts.snapshots.current();
  if (!current.ok) throw new PortcullisError('ERR_SEARCH_RELEASE', 'unavailable', current.message);
  const { snapshot } = current;
  const mark = markOf(parts, search, asking, snapshot);
  const candidates = candidatesOf(search, { tenant, caller, vocabulary, listed: parts.listed }, snapshot);
  const decide = parts.dryDecide(snapshot);
  const page = await fillPage<Result>({
    candidates: candidates.list,
    from: mark.next,
    limit: mark.limit,
    until: clock.monotonic() + parts.pageMs,
    clock,
    decide: ({ id, properties }) => {
      const deadline = clock.monotonic() + deadlineMs;
      const evaluation = withCandidate(search, id, properties);
      return decide(attemptOf(evaluation, { ...asking, deadline }, { gateways, clock, vocabulary }));
    },
    found: (candidate, decision) => {
      const said = toAuthzen(decision, search.pattern.context, words);
      return said.decision ? resultOf(search, candidate, said) : undefined;
    },
  });
  if (page.invalid !== undefined) throw invalidRequest(page.invalid.message, page.invalid.path);
  return {
    page: {
      next_token: page.next === undefined ? '' : parts.tokens.give({ ...mark, next: page.next }),
      count: page.results.length,
    },
    context: {
      candidates: candidates.source,
      ...(candidates.unlisted === undefined ? {} : { unlisted: candidates.unlisted }),
      ...(page.undecided === 0 ? {} : { undecided: page.undecided }),
      policy_version: snapshot.policyVersion,
      release_seq: snapshot.releaseSeq,
    },
    results: page.results,
  };
}

/** Nobody learns what others may who could not ask about them one by one. */
function requireOwn({ pattern, kind }: Search, caller: PeerIdentity, tenant: string, gateways: GatewayTenants): void {
  const agent = kind === 'subject' || pattern.subject.type !== 'agent' ? undefined : pattern.subject.id;
  const isAllowed =
    caller.kind === 'agent'
      ? speaksFor(caller, tenant, agent ?? caller.agent, gateways)
      : speaksFor(caller, tenant, '', gateways);
  if (isAllowed) return;
  const message = 'the caller may not ask about this tenant or agent';
  throw new PortcullisError('ERR_SEARCH_FORBIDDEN', 'invalid', message);
}

/** Candidates, and where there is no list of them what is to be said of that. */
interface Found extends Candidates {
  readonly unlisted?: { readonly path: string; readonly message: string };
}

/** Circumstances of a search. */
interface Asked {
  readonly tenant: string;
  readonly caller: PeerIdentity;
  readonly vocabulary: Vocabulary;
  readonly listed: Listed;
}

/**
 * Where nobody here has a list there are no candidates, and the answer says so: an empty one alone would say that nobody
 * may. An error would be clearer, but the certification scenario of AuthZEN (section "Unknown entity type") forbids it.
 */
function candidatesOf({ kind, pattern, page }: Search, asked: Asked, { engine }: Snapshot): Found {
  for (const entity of ['subject', 'resource'] as const) {
    if (isKnownType(entity, pattern[entity].type, asked.vocabulary)) continue;
    const message = 'no evaluation is permitted that names this type: see http.vocabulary.resourceTypes';
    return { source: 'none', list: [], unlisted: { path: `${entity}.type`, message } };
  }
  if (page.named !== undefined) return { source: 'request', list: page.named.map((id) => ({ id })) };
  const { type } = kind === 'subject' ? pattern.subject : pattern.resource;
  const { server } = pattern.resource.properties;
  const { tenant, caller, listed } = asked;
  const sought = { kind, type, tenant, caller, server: typeof server === 'string' ? server : undefined };
  const found = candidatesFor(sought, { registry: engine.registry, listed });
  if (found.why === undefined) return found;
  const message = `${found.why}; name the candidates in page.properties.candidates`;
  return { ...found, unlisted: { path: PLACE[kind], message } };
}

const PLACE: Readonly<Record<SearchKind, string>> = {
  subject: 'subject.type',
  resource: 'resource.type',
  action: 'resource.type',
};

function resultOf({ kind, pattern }: Search, { id, properties }: Candidate, said: AuthzenDecision): Result {
  const { obligations } = said.context;
  const duties = obligations === undefined ? {} : { obligations };
  if (kind === 'action') return { name: id, ...duties };
  return { type: pattern[kind].type, id, ...(properties === undefined ? {} : { properties }), ...duties };
}

/** Where the page begins, and what its token will be good for. */
function markOf(
  { tokens, maxResults, listed }: SearchParts,
  search: Search,
  asking: Asking,
  snapshot: Snapshot,
): PageMark {
  const { token, limit, named } = search.page;
  const question = jsonDigestHex({
    search: search.kind,
    pattern: search.pattern,
    named: named ?? null,
    caller: asking.caller,
    user: asking.userToken ?? null,
    listed: listed.digest,
  } as unknown as Json);
  const bundle = `${snapshot.releaseSeq}/${snapshot.bundleDigest}`;
  if (token === undefined) return { question, bundle, next: 0, limit: Math.min(limit ?? maxResults, maxResults) };
  const mark = tokens.take(token);
  if (mark === undefined) throw invalidRequest('is not one of ours, or too old: begin again without it', 'page.token');
  if (mark.question !== question) throw invalidRequest('was given for another question', 'page.token');
  if (mark.bundle !== bundle) {
    throw invalidRequest('another release is in force since: begin again without it', 'page.token');
  }
  // The specification wants the same limit and leaves it out in its own example.
  if (limit !== undefined && Math.min(limit, maxResults) !== mark.limit) {
    throw invalidRequest('expected the limit of the first page', 'page.limit');
  }
  return mark;
}
