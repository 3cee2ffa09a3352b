import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { TlsMaterial } from '../tls/material.js';

/** What the NATS client hands to `tls.connect` at every connection. */
export interface NatsTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly minVersion: 'TLSv1.3';
  checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined;
}

/** The host of `host:port` or `nats://host:port`, without brackets. */
function hostOf(server: string): string {
  const url = new URL(server.includes('://') ? server : `nats://${server}`);
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/**
 * TLS for the NATS client that follows `material`: the client reads these fields anew at every connection. The server
 * must be one of those configured, by name or address. The client's own check cannot be used: for a server given by
 * its address it compares the certificate with `localhost`.
 */
export function natsTls(material: TlsMaterial, servers: readonly string[]): NatsTls {
  const hosts = servers.map(hostOf);
  return {
    get cert() {
      return material.current().cert.toString('latin1');
    },
    get key() {
      return material.current().key.toString('latin1');
    },
    get ca() {
      return material.current().ca.toString('latin1');
    },
    minVersion: 'TLSv1.3',
    checkServerIdentity(_host, certificate) {
      if (hosts.some((host) => checkServerIdentity(host, certificate) === undefined)) return undefined;
      return new PortcullisError(
        'ERR_IDENTITY_REJECTED',
        'unauthenticated',
        'nats server is not one of those configured',
      );
    },
  };
}
