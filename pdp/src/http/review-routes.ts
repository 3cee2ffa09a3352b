/** `GET /v1/reviews` and `POST /v1/reviews/{id}/close`: what policies let continue and want looked at, for operators. */

import type { FastifyInstance } from 'fastify';
import type { Review } from '../reviews/review.js';
import type { Reviews } from '../reviews/reviews.js';
import { readJsonObject, requireJson } from './body.js';
import { invalidRequest } from './problems.js';

const MAX_NOTE = 2_048;

/** Adds the routes. The reviews are those of every PDP that shares this one's store. */
export function addReviewRoutes(app: FastifyInstance, reviews: Reviews, maxBodyBytes: number): void {
  app.route<{ Querystring: { readonly closed?: string } }>({
    method: 'GET',
    url: '/v1/reviews',
    handler: async ({ query: { closed } }) => {
      if (closed !== undefined && closed !== 'true' && closed !== 'false')
        throw invalidRequest('expected true or false', 'closed');
      return { reviews: (await reviews.list(closed === 'true')).map(shown) };
    },
  });
  app.route<{ Params: { readonly id: string } }>({
    method: 'POST',
    url: '/v1/reviews/:id/close',
    handler: async (request) => {
      requireJson(request, 415);
      const { note, ...others } = readJsonObject(request.body, maxBodyBytes);
      if (typeof note !== 'string' || note === '' || note.length > MAX_NOTE || !note.isWellFormed())
        throw invalidRequest(`expected a text of 1 to ${MAX_NOTE} characters`, 'note');
      const [unknown] = Object.keys(others);
      if (unknown !== undefined) throw invalidRequest('expected note alone', unknown);
      const { operator } = request;
      if (operator === undefined) throw new TypeError('the operator is not known');
      return shown(await reviews.close(request.params.id, operator.name, note));
    },
  });
}

function shown({ recorded: _recorded, told, ...review }: Review): object {
  return { ...review, told };
}
