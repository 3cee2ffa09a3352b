/** The header with the token of the user for whom the agent acts. `Authorization` is the caller's own. */

import type { FastifyRequest } from 'fastify';
import { invalidRequest } from './problems.js';

/** The header's name, as Node spells it. */
export const USER_TOKEN_HEADER = 'x-portcullis-user-token';

/**
 * What an attempt says of the user's token. Whether it is one is for the pipeline to say.
 * @throws PortcullisError kind `invalid` when the header is empty. Two of them arrive as one, which is no token.
 */
export function userTokenOf(request: FastifyRequest): { readonly userToken?: string } {
  const userToken = request.headers[USER_TOKEN_HEADER];
  if (userToken === undefined) return {};
  if (typeof userToken !== 'string' || userToken === '') {
    throw invalidRequest(`expected a token in the header ${USER_TOKEN_HEADER}`);
  }
  return { userToken };
}
