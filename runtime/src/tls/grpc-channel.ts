import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { CallCredentials, ChannelCredentials, type ChannelOptions, type experimental } from '@grpc/grpc-js';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { TlsMaterial, TlsPair } from './material.js';
import { type ClientIdentityOptions, identityCheck } from './server-identity.js';
import { contextOptions } from './settings.js';

type Target = experimental.GrpcUri;
type Connector = experimental.SecureConnector;

/** A handshake that takes longer is given up, so that a silent peer cannot hold a channel in "connecting". */
const HANDSHAKE_TIMEOUT_MS = 5_000;

interface Handshake {
  readonly context: () => SecureContext;
  readonly check: ReturnType<typeof identityCheck>;
  readonly servername: string | undefined;
}

function secure(socket: Socket, handshake: Handshake): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      secureContext: handshake.context(),
      checkServerIdentity: handshake.check,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
      ...(handshake.servername === undefined ? {} : { servername: handshake.servername }),
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      secured.destroy();
      reject(error);
    };
    const onClose = (): void =>
      fail(new PortcullisError('ERR_TLS_HANDSHAKE', 'unavailable', 'closed during the handshake'));
    const timer = setTimeout(
      () => fail(new PortcullisError('ERR_TLS_HANDSHAKE', 'timeout', 'handshake took too long')),
      HANDSHAKE_TIMEOUT_MS,
    );
    secured.once('error', fail);
    secured.once('close', onClose);
    secured.once('secureConnect', () => {
      if (!secured.authorized)
        return fail(new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'server is not authorized'));
      clearTimeout(timer);
      secured.removeListener('error', fail);
      secured.removeListener('close', onClose);
      resolve(secured);
    });
  });
}

/** The host part of a target, or undefined when it is an address: TLS has no server names for those. */
function serverNameOf(target: Target): string | undefined {
  const host = target.path
    .replace(/^\//, '')
    .replace(/:[0-9]+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return host === '' || isIP(host) !== 0 || target.scheme === 'unix' || host.includes(',') ? undefined : host;
}

/**
 * Own credentials instead of grpc-js's: they follow the material at every new connection, allow nothing below TLS 1.3,
 * never know any roots but ours, and give up on a silent handshake.
 */
class RotatingChannelCredentials extends ChannelCredentials {
  readonly #material: TlsMaterial;
  readonly #check: ReturnType<typeof identityCheck>;
  #made: { readonly pair: TlsPair; readonly context: SecureContext } | undefined;

  constructor(material: TlsMaterial, options: ClientIdentityOptions) {
    super();
    this.#material = material;
    this.#check = identityCheck(options.acceptServer);
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(target: Target, _options: ChannelOptions, calls?: CallCredentials): Connector {
    const handshake = { context: () => this.#context(), check: this.#check, servername: serverNameOf(target) };
    return {
      connect: async (socket) => ({ socket: await secure(socket, handshake), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => calls ?? CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  #context(): SecureContext {
    const pair = this.#material.current();
    if (this.#made?.pair !== pair) this.#made = { pair, context: createSecureContext(contextOptions(pair)) };
    return this.#made.context;
  }
}

/**
 * Channel credentials that present our certificate, accept only servers that chain to our authorities and whose
 * SPIFFE identity `acceptServer` accepts, and follow `material`. Make one per process: channels share connections
 * only through the same object.
 */
export function grpcChannelCredentials(material: TlsMaterial, options: ClientIdentityOptions): ChannelCredentials {
  return new RotatingChannelCredentials(material, options);
}
