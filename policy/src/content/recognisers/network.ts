import ipaddr from 'ipaddr.js';
import type { Recogniser } from '../recogniser.js';

/** Addresses of machines and wallets. */
export const NETWORK_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'IP_ADDRESS',
    family: 'pii',
    pattern: /(?:\d{1,3}\.){3}\d{1,3}(?:\/\d{1,3})?/g,
    score: 0.6,
    proven: 0.95,
    trim: (found) => withoutPath(found, 32),
    check: (found) => isIp(found, 'ipv4'),
    isWhole: true,
    anchor: { sign: 'quads' },
  },
  {
    type: 'IP_ADDRESS',
    family: 'pii',
    pattern:
      /(?:[0-9A-Fa-f]{1,4})?(?:::?[0-9A-Fa-f]{1,4}){0,7}(?:::)?(?::(?:\d{1,3}\.){3}\d{1,3})?(?:%[A-Za-z0-9]{1,16})?(?:\/\d{1,4})?/g,
    score: 0.6,
    proven: 0.95,
    trim: (found) => withoutPath(found, 128),
    check: (found) => mayBeIpv6(found) && isIp(found, 'ipv6'),
    isWhole: true,
    anchor: { sign: 'colons' },
  },
  {
    type: 'MAC_ADDRESS',
    family: 'pii',
    pattern: /[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}/g,
    score: 0.9,
    check: (found) => !/^(?:ff[:.-]?)+$|^(?:00[:.-]?)+$/i.test(found.replaceAll(/[.](?=..)/g, '')),
    anchor: { sign: 'groups' },
  },
];

/** Two colons together, or as many as an address in full has: times of day have neither, and reading one as an address is dear. */
function mayBeIpv6(found: string): boolean {
  return found.length > 2 && (found.includes('::') || found.split(':').length > 6);
}

/** Without what stands behind a slash and is no length of a prefix: the path of a URL may begin with digits. */
function withoutPath(found: string, mostBits: number): string {
  const slash = found.indexOf('/');
  const bits = found.slice(slash + 1);
  return slash === -1 || (bits.length <= String(mostBits).length && Number(bits) <= mostBits)
    ? found
    : found.slice(0, slash);
}

function isIp(found: string, kind: 'ipv4' | 'ipv6'): boolean {
  const [address = '', bits] = found.split('/');
  if (!ipaddr.isValid(address) || ipaddr.parse(address).kind() !== kind) return false;
  return bits === undefined || Number(bits) <= (kind === 'ipv4' ? 32 : 128);
}
