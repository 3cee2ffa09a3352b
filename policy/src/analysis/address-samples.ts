import { type Cidr, formatIp, type Ip, parseCidr } from '../dsl/operators/ip.js';

const NO_ADDRESS = 'not an address';
const GROUP_BITS = 16n;

/**
 * Addresses that comparisons with the given ranges can tell apart: the first and last of each, their neighbours outside,
 * and the ends of both families; and a text that is no address. Complete: between two neighbouring ends nothing changes.
 */
export function addressSamples(ranges: readonly string[]): readonly string[] {
  const points = new Map<string, Ip>();
  const add = (family: 4 | 6, value: bigint): void => {
    const groups = family === 4 ? 2 : 8;
    if (value < 0n || value >= 1n << (BigInt(groups) * GROUP_BITS)) return;
    const ip: Ip = {
      family,
      groups: Array.from({ length: groups }, (_, index) =>
        Number((value >> (BigInt(groups - 1 - index) * GROUP_BITS)) & 0xffffn),
      ),
    };
    // An IPv4-mapped address is an IPv4 one, whatever its spelling.
    const mapped = family === 6 && value >> 32n === 0xffffn;
    if (!mapped) points.set(`${family} ${value}`, ip);
  };
  add(4, 0xc0000201n);
  add(6, 0x20010db8n << 96n);
  for (const text of ranges) {
    const cidr = parseCidr(text.replace(/%.*$/, ''));
    if (cidr === undefined) continue;
    const [first, last] = endsOf(cidr);
    for (const value of [first, last, first - 1n, last + 1n]) add(cidr.family, value);
  }
  for (const family of [4, 6] as const) {
    add(family, 0n);
    add(family, (1n << (family === 4 ? 32n : 128n)) - 1n);
  }
  return [...[...points.values()].map(formatIp), NO_ADDRESS];
}

function endsOf({ groups, bits }: Cidr): readonly [first: bigint, last: bigint] {
  const value = groups.reduce((sum, group) => (sum << GROUP_BITS) | BigInt(group), 0n);
  const width = BigInt(groups.length) * GROUP_BITS;
  const free = (1n << (width - BigInt(bits))) - 1n;
  return [value & ~free, value | free];
}
