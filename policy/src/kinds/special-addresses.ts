/** Addresses that are not somebody's public server: what an agent has no business to connect to by accident. */
export interface SpecialRange {
  readonly cidr: string;
  /** For people. */
  readonly name: string;
  /** What says so. */
  readonly source: string;
}

/**
 * The special-purpose ranges of IPv4 and IPv6: those that the IANA registries of RFC 6890 (as updated by RFC 8190) do not
 * list as globally reachable, multicast, deprecated ranges, IPv6 ranges that carry an IPv4 address inside, and the
 * metadata services of clouds that lie outside all of these.
 */
export const SPECIAL_RANGES: readonly SpecialRange[] = [
  { cidr: '0.0.0.0/8', name: 'this network', source: 'RFC 791 section 3.2' },
  { cidr: '10.0.0.0/8', name: 'private', source: 'RFC 1918' },
  { cidr: '100.64.0.0/10', name: 'carrier-grade NAT', source: 'RFC 6598' },
  { cidr: '127.0.0.0/8', name: 'loopback', source: 'RFC 1122 section 3.2.1.3' },
  { cidr: '168.63.129.16/32', name: 'cloud metadata', source: 'Azure WireServer' },
  { cidr: '169.254.0.0/16', name: 'link-local, cloud metadata', source: 'RFC 3927' },
  { cidr: '172.16.0.0/12', name: 'private', source: 'RFC 1918' },
  { cidr: '192.0.0.0/24', name: 'protocol assignments', source: 'RFC 6890 section 2.1' },
  { cidr: '192.0.2.0/24', name: 'documentation', source: 'RFC 5737' },
  { cidr: '192.88.99.0/24', name: '6to4 relay, deprecated', source: 'RFC 7526' },
  { cidr: '192.168.0.0/16', name: 'private', source: 'RFC 1918' },
  { cidr: '198.18.0.0/15', name: 'benchmarking', source: 'RFC 2544' },
  { cidr: '198.51.100.0/24', name: 'documentation', source: 'RFC 5737' },
  { cidr: '203.0.113.0/24', name: 'documentation', source: 'RFC 5737' },
  { cidr: '224.0.0.0/4', name: 'multicast', source: 'RFC 5771' },
  { cidr: '240.0.0.0/4', name: 'reserved, broadcast', source: 'RFC 1112 section 4, RFC 919' },
  { cidr: '::/128', name: 'unspecified', source: 'RFC 4291 section 2.5.2' },
  { cidr: '::1/128', name: 'loopback', source: 'RFC 4291 section 2.5.3' },
  { cidr: '::/96', name: 'IPv4-compatible, deprecated', source: 'RFC 4291 section 2.5.5.1' },
  { cidr: '::ffff:0:0:0/96', name: 'IPv4-translated', source: 'RFC 2765 section 2.1' },
  { cidr: '64:ff9b::/96', name: 'NAT64', source: 'RFC 6052 section 2.1' },
  { cidr: '64:ff9b:1::/48', name: 'NAT64, local use', source: 'RFC 8215' },
  { cidr: '100::/64', name: 'discard-only', source: 'RFC 6666' },
  { cidr: '100:0:0:1::/64', name: 'dummy prefix', source: 'RFC 9780' },
  { cidr: '2001::/23', name: 'protocol assignments, Teredo, benchmarking, ORCHID', source: 'RFC 2928, RFC 4380' },
  { cidr: '2001:db8::/32', name: 'documentation', source: 'RFC 3849' },
  { cidr: '2002::/16', name: '6to4', source: 'RFC 3056' },
  { cidr: '3fff::/20', name: 'documentation', source: 'RFC 9637' },
  { cidr: '5f00::/16', name: 'segment routing', source: 'RFC 9602' },
  { cidr: 'fc00::/7', name: 'unique local, cloud metadata', source: 'RFC 4193' },
  { cidr: 'fe80::/10', name: 'link-local', source: 'RFC 4291 section 2.5.6' },
  { cidr: 'fec0::/10', name: 'site-local, deprecated', source: 'RFC 3879' },
  { cidr: 'ff00::/8', name: 'multicast', source: 'RFC 4291 section 2.7' },
];

/** Outside of this no IPv6 address has been given to anybody (RFC 4291 section 2.4, IANA IPv6 address space). */
export const GLOBAL_UNICAST_V6 = '2000::/3';
