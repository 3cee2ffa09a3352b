/** The built-in rule: what is not a public address is not connected to, whatever a policy says, unless configuration names it. */

import { type Cidr, inCidr, parseCidr, parseIp, publicAddressTest, SPECIAL_RANGES } from '@portcullis/policy/network';
import type { EgressConfig } from './config.js';

/** Why an address must not be connected to, for people; nothing when it may. */
export type AddressRule = (address: string, port: number) => string | undefined;

/** The rule, with the exceptions of the configuration. */
export function createAddressRule(exceptions: EgressConfig['specialAddresses']): AddressRule {
  const isPublic = publicAddressTest();
  const named = SPECIAL_RANGES.map(({ cidr, name }) => ({ range: rangeOf(cidr), name }));
  const allowed = exceptions.map(({ cidrs, ports }) => ({ ranges: cidrs.map(rangeOf), ports: new Set(ports) }));
  return (address, port) => {
    if (isPublic(address)) return undefined;
    const ip = parseIp(address);
    // A zone says which interface of this machine, and no range can.
    if (ip === undefined || address.includes('%')) return 'not an address that can be judged';
    if (allowed.some(({ ranges, ports }) => ports.has(port) && ranges.some((range) => inCidr(ip, range)))) {
      return undefined;
    }
    return named.find(({ range }) => inCidr(ip, range))?.name ?? 'not public';
  };
}

function rangeOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new TypeError(`not a range: ${text}`);
  return cidr;
}
