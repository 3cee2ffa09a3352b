/** `POST /v1/policy/evaluate` (seed 004 §7.7): the canonical request in, the decision out. */

import type { RequestParser } from '@portcullis/proto';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { FastifyInstance } from 'fastify';
import type { Decide } from '../pipeline/decide.js';
import { readJsonObject } from './body.js';
import { authenticated } from './caller.js';
import { userTokenOf } from './user-token.js';

/** What the route works with. */
export interface EvaluateRouteParts {
  readonly decide: Decide;
  readonly parseRequest: RequestParser;
  readonly clock: Clock;
  /** Milliseconds for one decision. */
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
}

/** Adds the route. A denial is an answer with status 200; a body that is no canonical request has none. */
export function addEvaluateRoute(app: FastifyInstance, parts: EvaluateRouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/policy/evaluate',
    handler: async (request) => {
      const deadline = parts.clock.monotonic() + parts.deadlineMs;
      const body = readJsonObject(request.body, parts.maxBodyBytes);
      // The pipeline checks again what it is given; here every finding is told, with its place.
      const checked = parts.parseRequest(body);
      if (!checked.ok) {
        throw new PortcullisError('ERR_HTTP_INVALID', 'invalid', 'the body is not a canonical request', {
          details: { problems: checked.problems },
        });
      }
      return parts.decide({
        caller: authenticated(request),
        subject: checked,
        claimedDigest: undefined,
        ...userTokenOf(request),
        deadline,
      });
    },
  });
}
