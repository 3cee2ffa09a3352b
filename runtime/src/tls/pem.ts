import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM file, in order.
 * @throws Error when a block is cut off or is not a certificate.
 */
export function parseCertificates(pem: Buffer): X509Certificate[] {
  const text = pem.toString('latin1');
  const blocks = text.match(BLOCK) ?? [];
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (blocks.length !== begun) throw new Error('file ends inside a certificate');
  return blocks.map((block) => new X509Certificate(block));
}
