/**
 * The local authorize API: a program asks whether it may, carries the attempt out itself, and tells what became of it.
 * Only an allow is answered with a success status, so that whoever looks at nothing else fails closed.
 */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { formatProblem, type Json, type JsonObject, type Problem } from '@portcullis/policy/model';
import { type Clock, parseStrictJson } from '@portcullis/runtime';
import type { PolicyClient, Settlement } from '../../ask/port.js';
import { type Behalf, type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal } from '../../enforce/refuse.js';
import { createReport } from '../../enforce/report.js';
import type { ExchangeObserver } from '../exchange-outcome.js';
import { collect } from '../http/body.js';
import { contentProblem, readHeadFields } from '../http/head-fields.js';
import type { Enforcement } from '../surface.js';
import type { AuthorizeConfig } from './config.js';
import { createInterceptor } from './interceptor.js';
import { createOpenOutcomes } from './open-outcomes.js';
import { type ASKING_SOURCES, readOutcome, readQuestion } from './question.js';

/** Stands for the program itself in permits: nothing is sent to it, and no upstream takes such a permit. */
const PROGRAM = 'authorize';
const PATHS: ReadonlySet<string> = new Set(['/v1/authorize', '/v1/outcomes', '/interceptor']);

/** A second one of these would be read by someone else than us. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'origin',
  'authorization',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
]);
const MAX_HEADERS = 100;

/** What the API works with. */
export interface AuthorizeOptions {
  readonly config: Pick<AuthorizeConfig, 'allowedHosts' | 'allowedOrigins' | 'limits'>;
  readonly enforcementOf: (source: (typeof ASKING_SOURCES)[number]) => Enforcement;
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly observer: Pick<ExchangeObserver, 'carriedOut'>;
  readonly behalf: BehalfReader;
  readonly clock: Clock;
}

/** Serves one request. Never rejects. */
export type AuthorizeExchange = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Makes it. */
export function createAuthorizeExchange(options: AuthorizeOptions): AuthorizeExchange {
  const { client, clock } = options;
  const { allowedHosts, allowedOrigins, limits } = options.config;
  const enforcement = { sdk: options.enforcementOf('sdk'), hook: options.enforcementOf('hook') };
  const { refuser } = enforcement.sdk;
  const interceptor = createInterceptor({
    ...enforcement.sdk,
    reader: options.behalf,
    unused: (permit) => settle(permit, 'refused', 0),
  });
  const report = createReport(client, clock);
  const open = createOpenOutcomes({ max: limits.maxOpen, timeoutMs: limits.outcomeTimeoutMs, clock });

  return async (request, response) => {
    try {
      const bad = headProblem(request);
      if (bad !== undefined) return invalid(response, bad.status, bad.message);
      const collected = await collect(request, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs });
      if (collected.kind === 'broken') return;
      if (collected.kind === 'too_large') return invalid(response, 413, 'the body is larger than allowed');
      if (collected.kind === 'late') return invalid(response, 408, 'the body took too long');
      if (request.rawTrailers.length > 0) return invalid(response, 400, 'trailers are not accepted');
      const behalf = options.behalf.ofHeaders(request.rawHeaders);
      if (!isBehalf(behalf)) return invalid(response, 400, behalf.problem);
      if (request.url === '/interceptor') return await intercept(response, collected.bytes, behalf);
      const json = parseStrictJson(collected.bytes, { maxBytes: limits.maxBodyBytes });
      if (!json.ok) return invalid(response, 400, `the body is not strict JSON: ${json.reason}`);
      await (request.url === '/v1/authorize'
        ? authorize(response, json.value, behalf, request.headers)
        : conclude(response, json.value));
    } catch (thrown) {
      refuse(response, refuser.fault(thrown));
    }
  };

  async function intercept(response: ServerResponse, bytes: Uint8Array, behalf: Behalf): Promise<void> {
    const answer = await interceptor(bytes, limits.maxBodyBytes, behalf);
    if (answer === undefined) response.writeHead(202).end();
    else sendText(response, 200, answer);
  }

  async function authorize(
    response: ServerResponse,
    json: Json,
    behalf: Behalf,
    headers: IncomingHttpHeaders,
  ): Promise<void> {
    const lacking = options.behalf.lacks(behalf);
    if (lacking !== undefined) return invalid(response, 400, lacking.problem);
    const read = readQuestion(json);
    if (!read.ok) return invalid(response, 400, described(read.problems));
    const { source, kind, session_id: session, correlation_id: id, ...subject } = read.value;
    const { guard, requestOf } = enforcement[source];
    const request = requestOf({ behalf, kind, ownSession: session, ...subject });
    const trace = { traceparent: text(headers['traceparent']), tracestate: text(headers['tracestate']) };
    const attempt = { request, server: PROGRAM, direction: 'client_to_server', payload: undefined, trace } as const;
    const outcome = await guard(attempt);
    if (isRefusal(outcome)) return refuse(response, outcome);
    // Nobody is there any more to carry it out, or to tell what became of it.
    if (response.destroyed) return settle(outcome, 'refused', 0);
    open.add({ permit: outcome, source, since: clock.monotonic() }, id === undefined ? undefined : { session, id });
    send(response, 200, {
      decision: 'allow',
      decision_id: outcome.decision_id,
      request_digest: outcome.request_digest,
      ...(outcome.report === undefined ? {} : { report_result: { max_bytes: outcome.report.maxBytes } }),
    });
  }

  async function conclude(response: ServerResponse, json: Json): Promise<void> {
    const read = readOutcome(json);
    if (!read.ok) return invalid(response, 400, described(read.problems));
    const { decision_id: decision, correlation_id: id, session_id: session, outcome, result } = read.value;
    const found = decision === undefined ? open.takeCorrelated({ session, id: id ?? '' }) : open.takeDecision(decision);
    if (found === undefined) return invalid(response, 404, 'no allowed attempt of this name awaits an outcome');
    const { permit, source, since } = found;
    // What the program did not carry out after all is no attempt that was carried out.
    if (outcome !== 'refused') options.observer.carriedOut(source, outcome);
    if (permit.report !== undefined && outcome !== 'refused') {
      const isTaken = await report(permit, result ?? null, since);
      const message = 'no policy decision point has taken the result: do not use it';
      return isTaken ? send(response, 200, { recorded: true }) : send(response, 503, { recorded: false, message });
    }
    settle(permit, outcome, Math.max(0, Math.round(clock.monotonic() - since)));
    return send(response, 200, { recorded: true });
  }

  function settle({ decision_id, request_digest }: Permit, outcome: Settlement['outcome'], duration_ms: number): void {
    client.settle({ decision_id, request_digest, outcome, duration_ms });
  }

  function headProblem({ method, url, rawHeaders }: IncomingMessage): BadHead | undefined {
    const rules = { allowedHosts, allowedOrigins, maxHeaders: MAX_HEADERS };
    const { headers, bad } = readHeadFields(rawHeaders, rules, (name) => !SINGLE.has(name));
    if (bad !== undefined) return bad;
    if (headers.has('upgrade')) return { status: 400, message: 'upgrades are not supported' };
    if (!PATHS.has(url ?? '')) return { status: 404, message: `expected one of ${[...PATHS].join(', ')}` };
    if (method !== 'POST') return { status: 405, message: 'expected POST' };
    return contentProblem(headers);
  }

  function invalid(response: ServerResponse, status: number, message: string): void {
    // Something of the body may still be on its way.
    response.setHeader('connection', 'close');
    refuse(response, refuser.refuse('REQUEST_INVALID', { message, httpStatus: status }));
  }
}

/** Two of a field are none that can be read. */
function text(field: string | readonly string[] | undefined): string | undefined {
  return typeof field === 'string' ? field : undefined;
}

interface BadHead {
  readonly status: number;
  readonly message: string;
}

const DECISION_OF = { denied: 'deny', held: 'hold', invalid: 'invalid', failed_closed: 'failed_closed' } as const;

/** Writes a refusal as the API's clients read it. */
export function refuse(response: ServerResponse, refusal: Refusal): void {
  const { outcome, code, message, decision_id, reason_code, path, hold, httpStatus } = refusal;
  send(response, httpStatus, {
    decision: DECISION_OF[outcome],
    code,
    message,
    ...(decision_id === undefined ? {} : { decision_id }),
    ...(reason_code === undefined ? {} : { reason_code }),
    ...(path === undefined ? {} : { path }),
    ...(hold === undefined ? {} : { hold: { ...hold } }),
  });
}

function send(response: ServerResponse, status: number, body: JsonObject): void {
  sendText(response, status, JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function described(problems: readonly Problem[]): string {
  return problems.map((problem) => formatProblem(problem)).join('; ');
}
