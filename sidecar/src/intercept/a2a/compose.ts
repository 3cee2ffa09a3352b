/** Puts the A2A proxy together. Loaded only when it is configured. */

import { startAgentServer } from '../http/agent-server.js';
import { readSecret } from '../http/credential.js';
import type { Surface, SurfaceParts } from '../surface.js';
import { refusalError } from './answer.js';
import { createCardTrust, type IsSigned } from './card-trust.js';
import type { A2aConfig } from './config.js';
import { createA2aExchange } from './exchange.js';
import { createPeer, type Peer } from './peer.js';
import { createPeerCards } from './peer-cards.js';
import { createRelay } from './relay.js';
import { createTaskSkills } from './skill.js';

/**
 * Starts the proxy.
 * @throws PortcullisError when a credential or a key is missing, or the address cannot be bound.
 */
export async function startA2aProxy(config: A2aConfig, parts: SurfaceParts): Promise<Surface> {
  const { limits } = config;
  const { log, clock } = parts;
  const peers = new Map<string, Peer>();
  for (const peer of config.peers) {
    const headers: Record<string, string> = {};
    for (const [header, source] of Object.entries(peer.headers))
      headers[header] = await readSecret(header, source, parts.env);
    const isSigned = peer.cardKeysFile === undefined ? undefined : await signaturesOf(peer.name, peer.cardKeysFile);
    const cards = createPeerCards({
      name: peer.name,
      origin: { cardUrl: new URL(peer.card), endpoint: peer.url === undefined ? undefined : new URL(peer.url) },
      headers,
      trust: createCardTrust({ sha256: peer.cardSha256, isSigned }),
      clock,
      log,
      limits,
    });
    peers.set(
      peer.name,
      createPeer({
        config: peer,
        cards,
        tasks: createTaskSkills(limits.maxTasks),
        traceHeaders: parts.traceHeaders,
        headers,
        limits,
      }),
    );
  }
  const enforcement = parts.enforcementOf('a2a_proxy', { redacts: true });
  const exchange = createA2aExchange({
    ...parts,
    ...enforcement,
    peers,
    rules: {
      peers: new Set(peers.keys()),
      allowedHosts: config.allowedHosts,
      allowedOrigins: config.allowedOrigins,
      maxHeaders: limits.maxHeaders,
    },
    relay: createRelay({ limits, log }),
    maxDelegationDepth: config.maxDelegationDepth,
    limits,
  });
  const { host, port, socket } = config.listen;
  const server = await startAgentServer({
    what: 'the A2A port',
    listen: socket === undefined ? { host, port } : { socket },
    limits,
    refuser: enforcement.refuser,
    refuse(response, refusal) {
      const text = refusalError(undefined, refusal);
      response.writeHead(refusal.httpStatus, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    },
    serve: exchange,
  });
  return {
    ...server,
    async disconnect() {
      await Promise.all([...peers.values()].map((peer) => peer.close()));
    },
  };
}

/** With what reads signatures, which costs memory and is seldom configured. */
async function signaturesOf(peer: string, file: string): Promise<IsSigned> {
  const { openCardSignatures } = await import('./card-signature.js');
  return openCardSignatures(peer, file);
}
