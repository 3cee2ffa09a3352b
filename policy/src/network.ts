/** How hosts and addresses are read and which of them are special: what a PEP that connects must see as policies do. */

export { publicAddressTest } from './dsl/operators/addresses.js';
export { canonicalHost, isAddressHost } from './dsl/operators/host.js';
export { type Cidr, formatIp, type Ip, inCidr, isAligned, parseCidr, parseIp } from './dsl/operators/ip.js';
export { SPECIAL_RANGES, type SpecialRange } from './kinds/special-addresses.js';
