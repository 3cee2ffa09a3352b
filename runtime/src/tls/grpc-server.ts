import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsMaterial } from './material.js';
import { serverContextOptions } from './settings.js';

/**
 * Own credentials instead of grpc-js's: its `createSsl` cannot change, falls back to public roots, and its certificate
 * providers accept TLS 1.2. The base class carries the client certificate demand for the life of the server.
 */
class RotatingServerCredentials extends ServerCredentials {
  constructor(material: TlsMaterial) {
    super(
      { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
      serverContextOptions(material.current()),
    );
    material.onChange((pair) => this.updateSecureContextOptions(serverContextOptions(pair)));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

/** Server credentials that require a client certificate of our authorities and follow `material`. */
export function grpcServerCredentials(material: TlsMaterial): ServerCredentials {
  return new RotatingServerCredentials(material);
}
