/** Puts the local authorize API together. Loaded only when it is configured. */

import { startAgentServer } from '../http/agent-server.js';
import type { Surface, SurfaceParts } from '../surface.js';
import type { AuthorizeConfig } from './config.js';
import { createAuthorizeExchange, refuse } from './exchange.js';

/**
 * Starts it.
 * @throws PortcullisError when the address cannot be bound.
 */
export async function startAuthorizeApi(config: AuthorizeConfig, parts: SurfaceParts): Promise<Surface> {
  const { host, port, socket } = config.listen;
  const exchange = createAuthorizeExchange({ config, ...parts });
  const server = await startAgentServer({
    what: 'the port of the authorize API',
    listen: socket === undefined ? { host, port } : { socket },
    limits: config.limits,
    refuser: parts.enforcementOf('sdk').refuser,
    refuse: (response, refusal) => refuse(response, refusal),
    serve: exchange,
  });
  return { ...server, disconnect: async () => undefined };
}
