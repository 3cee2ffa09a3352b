/** The HTTPS port: certificates, keys of token issuers, binding, and its orderly end. */

import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { followTlsMaterial, httpsServerOptions, PortcullisError, type TlsMaterial } from '@portcullis/runtime';
import type { CallerReader } from '../server/peer.js';
import { openKeySet } from '../tokens/key-set.js';
import { createHttpApp, type HttpAppParts } from './app.js';
import { createHttpCallers } from './caller.js';
import type { HttpConfig } from './http-config.js';
import { createOperatorReader } from './operator.js';
import { createTokenReader } from './token.js';

/** What is served, where, to whom. */
export interface HttpEndpointOptions
  extends Omit<HttpAppParts, 'callers' | 'operators' | 'tls' | 'limits' | 'maxBodyBytes' | 'publicUrl' | 'vocabulary'> {
  readonly config: HttpConfig;
  readonly material: TlsMaterial;
  readonly trustDomain: string;
  /** The reader of gRPC's callers. */
  readonly certificates: CallerReader;
}

/** A bound endpoint. */
export interface HttpEndpoint {
  /** `host:port` as bound. */
  readonly address: string;
  /** How clients write it. */
  readonly url: string;
  /** Takes no new connections; answers what is under way. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Binds the port.
 * @throws PortcullisError kind `unavailable` when the port cannot be bound, `invalid` when the key set is not one.
 */
export async function openHttpEndpoint(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const { config, material, trustDomain, certificates, ...parts } = options;
  const { jwt, mtls } = config.auth;
  const keySet = jwt === undefined ? undefined : await openKeySet(jwt, { log: parts.log });
  const tokens =
    jwt === undefined || keySet === undefined
      ? undefined
      : createTokenReader({ jwt, keys: keySet.keys, trustDomain, clock: parts.clock });
  let address = '';
  const url = (): string => config.publicUrl ?? `https://${address}`;
  const app = createHttpApp({
    ...parts,
    callers: createHttpCallers({ certificates: mtls ? certificates : undefined, tokens }),
    tls: tlsOptions(material, { mtls, required: tokens === undefined && parts.approvals === undefined }),
    operators: createOperatorReader({ trustDomain, clock: parts.clock }),
    limits: config.limits,
    vocabulary: config.vocabulary,
    maxBodyBytes: config.limits.maxBodyBytes,
    publicUrl: url,
  });
  try {
    await app.listen({ ...config.listen });
  } catch (error) {
    keySet?.close();
    await app.close();
    throw new PortcullisError('ERR_PDP_LISTEN', 'unavailable', 'the HTTPS port cannot be bound', { cause: error });
  }
  const unfollow = followTlsMaterial(app.server as unknown as Parameters<typeof followTlsMaterial>[0], material);
  address = boundAddress(app.server.address(), config.listen);
  const end = async (): Promise<void> => {
    unfollow();
    keySet?.close();
    await app.close();
  };
  return {
    address,
    url: url(),
    drain: end,
    close: async () => {
      app.server.closeAllConnections();
      await end();
    },
  };
}

/** With tokens a certificate may be missing; one that is presented must still be good, which the caller's reader checks. */
function tlsOptions(material: TlsMaterial, ask: { readonly mtls: boolean; readonly required: boolean }): ServerOptions {
  return { ...httpsServerOptions(material), requestCert: ask.mtls, rejectUnauthorized: ask.mtls && ask.required };
}

function boundAddress(bound: AddressInfo | string | null, asked: HttpConfig['listen']): string {
  const { address, port } =
    typeof bound === 'object' && bound !== null ? bound : { address: asked.host, port: asked.port };
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
