/**
 * Ends the TLS of named hosts here: the agent speaks to a certificate of its own authority, and HTTP/1.1 inside. Loaded
 * only when interception is configured, because making certificates brings a library along.
 */

import { rename, writeFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { createMint, LEAF_DAYS, type Minted } from './certificate-mint.js';
import type { EgressConfig } from './config.js';
import type { Terminator } from './connect.js';
import { isOneOf } from './destination.js';
import type { Tunnel } from './exchange.js';

/** A certificate is made anew a day before it ends. */
const KEPT_MS = (LEAF_DAYS - 1) * 86_400_000;

interface Kept {
  readonly context: Promise<SecureContext>;
  readonly madeAt: number;
}

/**
 * Opens the authority, and writes its certificate where the configuration says.
 * @param adopt takes a connection whose TLS has ended
 * @throws PortcullisError `ERR_EGRESS_CA` when the authority cannot be used, or its certificate cannot be written.
 */
export async function createTerminator(
  config: NonNullable<EgressConfig['intercept']>,
  parts: { readonly log: Logger; readonly clock: Pick<Clock, 'now'> },
  adopt: (socket: Duplex, tunnel: Tunnel) => void,
): Promise<Terminator> {
  const { log, clock } = parts;
  const mint = await createMint(config.ca, clock);
  if (config.publishCaFile !== undefined) await publish(config.publishCaFile, mint.caPem);
  /** In the order of their last use. */
  const kept = new Map<string, Kept>();

  function contextFor(host: string): Promise<SecureContext> {
    const held = kept.get(host);
    const entry = held !== undefined && clock.now() - held.madeAt < KEPT_MS ? held : make(host);
    kept.delete(host);
    kept.set(host, entry);
    for (const oldest of kept.keys()) {
      if (kept.size <= config.maxCertificates) break;
      kept.delete(oldest);
    }
    return entry.context;
  }

  function make(host: string): Kept {
    const entry = { context: mint.leafFor(host).then(toContext), madeAt: clock.now() };
    // A failure is not kept.
    entry.context.catch(() => {
      if (kept.get(host) === entry) kept.delete(host);
    });
    return entry;
  }

  async function terminate(socket: Duplex, tunnel: Tunnel): Promise<void> {
    const { destination } = tunnel;
    try {
      const secureContext = await contextFor(destination.host);
      const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
      // A client that does not trust the authority is told so by its own TLS; here it is a connection that ended.
      secure.on('error', () => secure.destroy());
      adopt(secure, tunnel);
    } catch (thrown) {
      log.error({ [LOG_FIELD.error]: thrown }, 'Certificate could not be made');
      socket.destroy();
    }
  }

  return { isFor: ({ host }) => isOneOf(host, config.hosts), terminate };
}

function toContext({ certPem, keyPem }: Minted): SecureContext {
  return createSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
}

/** Never half written: a trust store may be read at any time. */
async function publish(file: string, pem: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, pem, { mode: 0o644 });
    await rename(`${file}.new`, file);
  } catch (error: unknown) {
    throw new PortcullisError('ERR_EGRESS_CA', 'invalid', 'the certificate of the authority cannot be written', {
      cause: error,
      details: { file },
    });
  }
}
