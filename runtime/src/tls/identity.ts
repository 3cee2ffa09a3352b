import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';

/** The SPIFFE limit for an identity, in bytes. */
const MAX_ID_LENGTH = 2048;
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)*$/;
/** One entry of Node's text form: a type, then a plain value or a JSON string when the value has odd characters. */
const ENTRY = /([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?:, |$)/y;

/** Whether `text` is a well-formed SPIFFE identity: no query, fragment, port, escapes, empty or dot segments. */
export function isSpiffeId(text: string): boolean {
  if (text.length > MAX_ID_LENGTH || !SPIFFE_ID.test(text)) return false;
  return !text
    .split('/')
    .slice(3)
    .some((segment) => segment === '.' || segment === '..');
}

/**
 * The SPIFFE identity of a certificate: it has exactly one URI among its alternative names and that is a well-formed
 * `spiffe://` URI; otherwise `undefined`, which nobody may treat as an identity.
 */
export function spiffeIdOf(certificate: PeerCertificate | X509Certificate): string | undefined {
  const names = certificate instanceof X509Certificate ? certificate.subjectAltName : certificate.subjectaltname;
  if (names === undefined) return undefined;
  let id: string | undefined;
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < names.length) {
    const entry = ENTRY.exec(names);
    if (entry === null) return undefined;
    const [, type, quoted, plain] = entry;
    if (type !== 'URI') continue;
    if (id !== undefined || quoted !== undefined || plain === undefined) return undefined;
    id = plain;
  }
  return id !== undefined && isSpiffeId(id) ? id : undefined;
}

/** Whether `nowMs` lies within the certificate's validity. False when its dates cannot be read. */
export function isCurrentlyValid(certificate: PeerCertificate | X509Certificate, nowMs: number): boolean {
  const isX509 = certificate instanceof X509Certificate;
  const from = Date.parse(isX509 ? certificate.validFrom : certificate.valid_from);
  const to = Date.parse(isX509 ? certificate.validTo : certificate.valid_to);
  return nowMs >= from && nowMs <= to;
}
