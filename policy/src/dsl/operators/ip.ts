import ipaddr from 'ipaddr.js';

/** An address as its bits: two groups of 16 for IPv4, eight for IPv6. An IPv4-mapped IPv6 address is its IPv4 one. */
export interface Ip {
  readonly family: 4 | 6;
  /** Most significant first. */
  readonly groups: readonly number[];
}

/** A range of addresses: those whose first `bits` bits are the ones of `groups`; the rest of `groups` is zero. */
export interface Cidr extends Ip {
  /** 0 to 32, or 0 to 128. */
  readonly bits: number;
}

const DECIMAL_TAIL = /^(.*:)([^:]*\.[^:]*)$/;
/** RFC 4007: an interface of this machine, which says nothing about the address. */
const ZONE = /%[0-9A-Za-z._~-]{1,32}$/;
const MAX_IP_LENGTH = 80;

/**
 * Reads an address. Nothing for what is not one in its usual spelling: octal, hexadecimal and short forms of IPv4
 * (`010.0.0.1`, `0x0a.0.0.1`, `10.1`) mean different addresses to different programs.
 */
export function parseIp(text: string): Ip | undefined {
  if (text.length > MAX_IP_LENGTH) return undefined;
  const v4 = parseV4(text);
  if (v4 !== undefined) return { family: 4, groups: v4 };
  if (!text.includes(':')) return undefined;
  const groups = parseV6(text.replace(ZONE, ''));
  if (groups === undefined) return undefined;
  return isMapped(groups) ? { family: 4, groups: groups.slice(6) } : { family: 6, groups };
}

/** Reads a range, or an address as the range of itself. Bits beyond the prefix are kept, for {@link isAligned} to see. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const mapped = address.includes(':');
  const ip = parseIp(address);
  if (ip === undefined || address.includes('%')) return undefined;
  const width = ip.family === 4 ? 32 : 128;
  if (slash === -1) return { ...ip, bits: width };
  const written = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(written)) return undefined;
  const length = Number(written);
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter prefix would reach beyond the mapped addresses.
  const bits = mapped && ip.family === 4 ? length - 96 : length;
  return bits >= 0 && bits <= width ? { ...ip, bits } : undefined;
}

/** Whether a range has no bits beyond its prefix. */
export function isAligned(cidr: Cidr): boolean {
  return cidr.groups.every((group, index) => (group & ~maskOf(cidr.bits, index)) === 0);
}

/** The range with the bits beyond its prefix cleared. */
export function aligned(cidr: Cidr): Cidr {
  return { ...cidr, groups: cidr.groups.map((group, index) => group & maskOf(cidr.bits, index)) };
}

/** Whether an address lies in a range. IPv4 and IPv6 never meet: `::/0` is every IPv6 address and no IPv4 one. */
export function inCidr(ip: Ip, cidr: Cidr): boolean {
  if (ip.family !== cidr.family) return false;
  for (let index = 0; index * 16 < cidr.bits; index += 1) {
    const difference = (ip.groups[index] ?? 0) ^ (cidr.groups[index] ?? 0);
    if ((difference & maskOf(cidr.bits, index)) !== 0) return false;
  }
  return true;
}

/** The usual spelling of an address (RFC 5952 for IPv6). */
export function formatIp(ip: Ip): string {
  return ipaddr.fromByteArray(ip.groups.flatMap((group) => [group >>> 8, group & 0xff])).toString();
}

/** The usual spelling of a range. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr)}/${cidr.bits}`;
}

/** Of the group at `index`, the bits that a prefix of `bits` bits covers. */
function maskOf(bits: number, index: number): number {
  const covered = Math.min(16, Math.max(0, bits - index * 16));
  return (0xffff << (16 - covered)) & 0xffff;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** Four decimal parts without leading zeros. By hand, because it is asked of every address of every request. */
function parseV4(text: string): readonly [high: number, low: number] | undefined {
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === DOT) {
      if (digits === 0 || dots === 3) return undefined;
      address = address * 256 + part;
      part = 0;
      digits = 0;
      dots += 1;
      continue;
    }
    const digit = unit - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    digits += 1;
    if (part > 255) return undefined;
  }
  if (dots !== 3 || digits === 0) return undefined;
  address = address * 256 + part;
  return [Math.floor(address / 65_536), address % 65_536];
}

function parseV6(text: string): readonly number[] | undefined {
  let written = text;
  const tail = DECIMAL_TAIL.exec(text);
  if (tail !== null) {
    const v4 = parseV4(tail[2] ?? '');
    if (v4 === undefined) return undefined;
    // The library reads ::1.2.3.4 as a mapped address, which it is not; as groups there is no doubt.
    written = (tail[1] ?? '') + v4.map((group) => group.toString(16)).join(':');
  }
  return ipaddr.IPv6.isValid(written) ? ipaddr.IPv6.parse(written).parts : undefined;
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}
