/**
 * What an AuthZEN search must look like (OpenID AuthZEN Authorization API 1.0, "Search APIs"): what is searched for has a
 * type and no id; an id that is there is ignored, as are members that are not known.
 */

import type { JsonObject } from '@portcullis/policy/model';
import type { Json } from '@portcullis/runtime';
import type { SearchKind } from '../search/candidates.js';
import { type Evaluation, readEvaluation } from './authzen-request.js';
import { isObject } from './body.js';
import { invalidRequest } from './problems.js';

/** A search. */
export interface Search {
  readonly kind: SearchKind;
  /** With a placeholder where a candidate belongs; see {@link withCandidate}. */
  readonly pattern: Evaluation;
  readonly page: PageWish;
}

/** Which page is wanted. */
export interface PageWish {
  readonly token: string | undefined;
  /** Results; `undefined` when the caller leaves it open. */
  readonly limit: number | undefined;
  /** The only candidates, when the caller names them: `page.properties.candidates`. */
  readonly named: readonly string[] | undefined;
}

/** Candidates that a caller may name. */
export const MAX_NAMED = 256;
const MAX_ID = 2_048;

/** Reads it. @throws PortcullisError kind `invalid` with the first thing that is wrong. */
export function readSearch(kind: SearchKind, body: JsonObject): Search {
  return { kind, pattern: patternOf(kind, body), page: pageOf(body['page']) };
}

/** The evaluation that a candidate is decided by. What it brings besides stands in for what the question says of it. */
export function withCandidate(
  { kind, pattern }: Pick<Search, 'kind' | 'pattern'>,
  id: string,
  properties: JsonObject = {},
): Evaluation {
  if (kind === 'action') return { ...pattern, action: { ...pattern.action, name: id } };
  const entity = pattern[kind];
  return { ...pattern, [kind]: { ...entity, id, properties: { ...entity.properties, ...properties } } };
}

function patternOf(kind: SearchKind, body: JsonObject): Evaluation {
  if (kind === 'action') return readEvaluation({ ...body, action: { name: '' } });
  const sought = body[kind];
  return readEvaluation(isObject(sought) ? { ...body, [kind]: { ...sought, id: '' } } : body);
}

function pageOf(page: Json | undefined): PageWish {
  if (page === undefined) return { token: undefined, limit: undefined, named: undefined };
  if (!isObject(page)) throw invalidRequest('expected an object', 'page');
  const { token, limit, properties } = page;
  if (token !== undefined && typeof token !== 'string') throw invalidRequest('expected a string', 'page.token');
  if (limit !== undefined && !(typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0)) {
    throw invalidRequest('expected a whole number from 0', 'page.limit');
  }
  if (properties !== undefined && !isObject(properties)) throw invalidRequest('expected an object', 'page.properties');
  return {
    // Whoever sends back the empty token of a last page begins again.
    token: token === '' ? undefined : token,
    limit: limit,
    named: namedOf(properties?.['candidates']),
  };
}

function namedOf(candidates: Json | undefined): readonly string[] | undefined {
  if (candidates === undefined) return undefined;
  const isList = Array.isArray(candidates) && candidates.length > 0 && candidates.length <= MAX_NAMED;
  if (!isList || !candidates.every((one) => typeof one === 'string' && one !== '' && one.length <= MAX_ID)) {
    throw invalidRequest(`expected a list of 1 to ${MAX_NAMED} ids`, 'page.properties.candidates');
  }
  return [...new Set(candidates as readonly string[])];
}
