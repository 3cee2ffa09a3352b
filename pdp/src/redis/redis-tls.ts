import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import type { TlsMaterial } from '@portcullis/runtime';

/** Mutual TLS to the server of a URL. Read anew at every connection, so that a renewed certificate is used. */
export function redisTls(material: TlsMaterial, url: string): ConnectionOptions {
  const host = new URL(url).hostname;
  return {
    get cert() {
      return material.current().cert;
    },
    get key() {
      return material.current().key;
    },
    get ca() {
      return material.current().ca;
    },
    minVersion: 'TLSv1.3',
    // The client's own name for the server is lost where it is an address.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(host.replace(/^\[(.*)\]$/, '$1'), certificate),
  };
}
