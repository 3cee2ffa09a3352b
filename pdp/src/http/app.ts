/** The HTTPS surface: which routes there are, in which order a request meets the checks, and what counts it. */

import { STATUS_CODES } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { type Logger, PortcullisError } from '@portcullis/runtime';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Reviews } from '../reviews/reviews.js';
import { logFault } from '../server/guard.js';
import { addAccessRequestRoutes } from './access-request-routes.js';
import { type ApprovalRouteParts, addApprovalRoutes } from './approval-routes.js';
import { type AuthzenParts, addAuthzenRoutes } from './authzen-routes.js';
import { requireJson, takeBytes } from './body.js';
import type { HttpCallers } from './caller.js';
import { addEvaluateRoute, type EvaluateRouteParts } from './evaluate-route.js';
import type { HttpConfig } from './http-config.js';
import { type HttpObserver, type KnownRoute, routeOf, statusLabel } from './http-observer.js';
import { addKillRoutes, type KillRouteParts } from './kill-routes.js';
import type { OperatorReader } from './operator.js';
import { connectionFault, faultOf, httpProblem } from './problems.js';
import { addQuotaRoutes, type QuotaRouteParts } from './quota-routes.js';
import { addReviewRoutes } from './review-routes.js';
import { addSearchRoutes } from './search-routes.js';

/** What {@link createHttpApp} is told. */
export interface HttpAppParts extends AuthzenParts, EvaluateRouteParts {
  readonly callers: HttpCallers;
  /** Without them there is no such path. */
  readonly approvals: ApprovalRouteParts | undefined;
  /** Who may use the routes of operators. */
  readonly operators: OperatorReader;
  readonly kill: KillRouteParts;
  readonly usage: QuotaRouteParts;
  readonly reviews: Reviews;
  readonly tls: ServerOptions;
  readonly limits: HttpConfig['limits'];
  readonly observer: HttpObserver;
  readonly log: Logger;
}

const PROBLEM = 'application/problem+json';
/** Node looks for late requests this often. */
const LATE_CHECK_MS = 1_000;

/** Builds the application; `listen` is the caller's. */
export function createHttpApp(parts: HttpAppParts): FastifyInstance {
  const { limits, observer, log, callers } = parts;
  const app: FastifyInstance = fastify({
    https: {
      ...parts.tls,
      handshakeTimeout: limits.requestTimeoutMs,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(LATE_CHECK_MS, limits.requestTimeoutMs),
    },
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    // A drain answers what is under way and ends idle connections instead of waiting for their clients.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    frameworkErrors: (error, _request, reply) => void send(reply as unknown as FastifyReply, error),
    clientErrorHandler: (error, socket) => {
      const fault = connectionFault(error.code);
      observer.httpAnswered('other', statusLabel(httpProblem(fault).status), 0);
      answerRaw(socket, fault);
    },
  });
  app.server.maxConnections = limits.maxConnections;
  app.decorateRequest('caller', undefined);
  app.decorateRequest('operator', undefined);

  const send = async (reply: FastifyReply, error: unknown): Promise<void> => {
    const fault = faultOf(error);
    logFault(log, fault, 'Request refused');
    const document = httpProblem(fault);
    if (document.status === 401 && callers.challenge !== undefined) {
      reply.header('www-authenticate', callers.challenge);
    }
    await reply.code(document.status).type(PROBLEM).send(JSON.stringify(document));
  };

  /** What is not configured does not exist. */
  const thereIs = (found: KnownRoute | undefined): KnownRoute | undefined =>
    (found?.route === 'authzen_search' && parts.search === undefined) ||
    (found?.route === 'authzen_requests' && parts.accessRequests === undefined)
      ? undefined
      : found;

  app.addHook('onRequest', async (request, reply) => {
    const id = request.headers['x-request-id'];
    if (id !== undefined) reply.header('x-request-id', id);
    reply.header('cache-control', 'no-store');
    const found = thereIs(knownRoute(request));
    // Says only what the route table of the documentation says.
    if (found?.route === 'authzen_metadata' && !request.is404) return;
    const isForPeople = found?.route === 'approvals' || found?.route === 'grants';
    // The handlers ask for a person, or for an agent that waits.
    if (parts.approvals !== undefined && isForPeople) {
      if (request.is404) throw missing(request.method, found.method, reply);
      if (request.method === 'POST') requireJson(request, 415);
      return;
    }
    if (found?.operators === true) {
      request.operator = parts.operators.operatorOf(request);
      if (request.is404) throw missing(request.method, found.method, reply);
      return;
    }
    request.caller = await callers.callerOf(request);
    if (request.is404) throw missing(request.method, found?.method, reply);
    if (request.method === 'POST') requireJson(request, found?.route === 'evaluate' ? 415 : 400);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = knownRoute(request)?.route ?? 'other';
    observer.httpAnswered(route, statusLabel(reply.statusCode), reply.elapsedTime / 1000);
  });
  app.setErrorHandler((error, _request, reply) => send(reply, error));
  app.setNotFoundHandler((request, reply) => send(reply, missing(request.method, undefined, reply)));

  takeBytes(app);
  addEvaluateRoute(app, parts);
  addAuthzenRoutes(app, parts);
  if (parts.search !== undefined) addSearchRoutes(app, parts.search, parts);
  if (parts.accessRequests !== undefined) addAccessRequestRoutes(app, parts.accessRequests, parts);
  if (parts.approvals !== undefined) addApprovalRoutes(app, parts.approvals, parts);
  addKillRoutes(app, parts.kill);
  addQuotaRoutes(app, parts.usage);
  addReviewRoutes(app, parts.reviews, limits.maxBodyBytes);
  return app;
}

/** By what the router made of the path, which may be escaped; by the path as it stands where the router knows none. */
function knownRoute({ routeOptions, url }: FastifyRequest): KnownRoute | undefined {
  return routeOf(routeOptions.url ?? url);
}

function missing(method: string, allowed: string | undefined, reply: FastifyReply): PortcullisError {
  if (allowed === undefined) return new PortcullisError('ERR_HTTP_NOT_FOUND', 'invalid', 'there is no such path');
  reply.header('allow', allowed);
  return new PortcullisError('ERR_HTTP_METHOD', 'invalid', `expected ${allowed}, found ${method}`);
}

/** What the parser refuses has no request yet, so the answer is written by hand. */
function answerRaw(socket: Socket, fault: PortcullisError): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const document = httpProblem(fault);
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status] ?? ''}\r\ncontent-type: ${PROBLEM}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
