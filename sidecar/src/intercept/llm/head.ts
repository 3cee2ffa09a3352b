/** What a request's head must satisfy before its body is read (reliability §5). */

import { type CallerRules, contentProblem, readHeadFields } from '../http/head-fields.js';
import type { Api } from './config.js';
import { apiOf, type Route, routeOf } from './routes.js';

/** An acceptable head. */
export interface Head {
  readonly ok: true;
  readonly route: Route;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A head that will not do. */
export interface BadHead {
  readonly ok: false;
  readonly api: Api;
  /** Where its path is served. */
  readonly route: Route | undefined;
  readonly status: number;
  readonly message: string;
}

/** A second one of these would be read by someone else than us. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'origin',
  'authorization',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'anthropic-version',
]);

/** Checks the request line and header fields. */
export function readHead(
  request: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly rawHeaders: readonly string[];
  },
  rules: CallerRules,
): Head | BadHead {
  const { method = '', url = '', rawHeaders } = request;
  const { headers, bad: unfit } = readHeadFields(rawHeaders, rules, (name) => !SINGLE.has(name));
  const route = routeOf(method, url, headers);
  const bad = (status: number, message: string): BadHead => {
    return { ok: false, api: apiOf(url, headers), route, status, message };
  };
  if (unfit !== undefined) return bad(unfit.status, unfit.message);
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');
  if (route === undefined) return bad(404, 'no such endpoint');
  if (method === 'POST') {
    const problem = contentProblem(headers);
    if (problem !== undefined) return bad(problem.status, problem.message);
  } else if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0') {
    return bad(400, 'no body expected');
  }
  return { ok: true, route, headers };
}
