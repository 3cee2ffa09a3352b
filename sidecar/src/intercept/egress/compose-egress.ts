/** Puts the egress proxy together. Loaded only when it is configured. */

import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { PortcullisError } from '@portcullis/runtime';
import { startAgentServer } from '../http/agent-server.js';
import { readSecret } from '../http/credential.js';
import type { Surface, SurfaceParts } from '../surface.js';
import { createAdmission } from './admission.js';
import { respond } from './answer.js';
import { createClientCheck } from './client-credential.js';
import type { EgressConfig } from './config.js';
import { createConnect, type Terminator } from './connect.js';
import { createDial } from './dial.js';
import { createEvidence } from './evidence.js';
import { createExchange, type Tunnel } from './exchange.js';
import { createLedgers } from './ledger.js';
import { createOrigin } from './origin.js';
import { createResolver, type NameLookup, systemLookup } from './resolver.js';
import { createAddressRule } from './special-addresses.js';
import { createUnderWay } from './under-way.js';

/**
 * Starts the proxy.
 * @param names who knows the addresses of names
 * @throws PortcullisError when a credential or an authority is missing or the address cannot be bound.
 */
export async function startEgressProxy(
  config: EgressConfig,
  parts: SurfaceParts,
  names: NameLookup = systemLookup,
): Promise<Surface> {
  const { client, behalf, open, observer, clock, log } = parts;
  const { limits } = config;
  const { guard, refuser, requestOf } = parts.enforcementOf('egress_proxy');
  const expected =
    config.credential === undefined ? undefined : await readSecret('proxy-authorization', config.credential, parts.env);
  const unauthorised = createClientCheck(expected, refuser);
  const evidence = createEvidence(log);
  const underWay = createUnderWay();
  const dial = createDial(limits.connectTimeoutMs);
  const admission = createAdmission({
    guard,
    refuser,
    requestOf,
    resolver: createResolver(names, config.resolve),
    rule: createAddressRule(config.specialAddresses),
    client,
    clock,
    failed: () => observer.carriedOut('egress_proxy', 'upstream_failed'),
  });
  const ledgers = createLedgers({ admission, refuser, client, open, observer, evidence, clock, limits });
  const rules = { maxHeaders: limits.maxHeaders, refuseOverrides: config.paths === 'strict' };
  const { upstreamCaFile } = config.intercept ?? {};
  const ca = upstreamCaFile === undefined ? undefined : await readCa(upstreamCaFile);
  const origin = createOrigin({ dial, limits, ca });
  const exchange = createExchange({
    behalf,
    admission,
    refuser,
    ledgers,
    origin,
    evidence,
    rules,
    unauthorised,
    config,
  });

  /** Connections whose TLS ended here, and what they were to be connected to. */
  const tunnels = new WeakMap<object, Tunnel>();
  let adopt = (_socket: Duplex): void => undefined;
  const terminator: Terminator | undefined =
    config.intercept === undefined
      ? undefined
      : await (await import('./terminate.js')).createTerminator(config.intercept, parts, (socket, tunnel) => {
          tunnels.set(socket, tunnel);
          adopt(socket);
        });
  const connect = createConnect({
    behalf,
    admission,
    refuser,
    ledgers,
    dial,
    evidence,
    underWay,
    rules,
    unauthorised,
    terminator,
    config,
  });
  const { host, port, socket } = config.listen;
  const server = await startAgentServer({
    what: 'the egress port',
    listen: socket === undefined ? { host, port } : { socket },
    limits,
    refuser,
    refuse: respond,
    takesExpectations: true,
    connect,
    serve: (request, response, signal) => exchange.serve(request, response, signal, tunnels.get(request.socket)),
    upgrade: (request, response, raw) =>
      underWay.run((signal) => exchange.upgrade(request, response, raw, signal, tunnels.get(request.socket))),
  });
  adopt = server.adopt;
  return {
    ...server,
    async finish() {
      await Promise.all([server.finish(), underWay.finish()]);
    },
    async close() {
      await underWay.close();
      await server.close();
    },
    // Every connection belongs to one of the agent's, and has ended with it.
    disconnect: async () => undefined,
  };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error: unknown) {
    throw new PortcullisError('ERR_EGRESS_CA', 'invalid', 'the authorities of upstream servers cannot be read', {
      cause: error,
      details: { file },
    });
  }
}
