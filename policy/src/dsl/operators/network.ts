import type { Json } from '../../model/request.js';
import { ERROR, type Truth, truthOf } from '../truth.js';
import { canonicalHost, type HostPattern, isAddressHost } from './host.js';
import { aligned, type Cidr, formatCidr, inCidr, isAligned, parseCidr, parseIp } from './ip.js';
import { oneOrMoreFault, textsOf, valueFault } from './literal.js';
import type { LiteralFault, OperatorRow } from './row.js';

/** `cidr_match`: the address lies in a range, or in one of a list. */
export const CIDR_MATCH: OperatorRow = {
  fields: ['ip', 'string', 'any'],
  check: (literal) => oneOrMoreFault(literal, cidrFault),
  link: (literal, _field, { ipOf = parseIp }) => {
    const ranges = cidrsOf(literal);
    return (value): Truth => {
      const ip = typeof value === 'string' ? ipOf(value) : undefined;
      return ip === undefined ? ERROR : truthOf(ranges.some((range) => inCidr(ip, range)));
    };
  },
  necessary: (literal) => ({ cidrs: cidrsOf(literal) }),
};

/** `domain_match`: the host is the domain, or with `*.` lies below it; or one of a list. */
export const DOMAIN_MATCH: OperatorRow = {
  fields: ['string', 'any'],
  check: (literal) => oneOrMoreFault(literal, domainFault),
  link: (literal, _field, { hostOf = canonicalHost }) => {
    const patterns = domainsOf(literal);
    const hosts = new Set(patterns.filter(({ below }) => !below).map(({ host }) => host));
    const parents = patterns.filter(({ below }) => below).map(({ host }) => host);
    const isBelow = parents.length <= FEW ? belowOneOf(parents) : belowSomeOf(new Set(parents));
    return (value): Truth => {
      const host = typeof value === 'string' ? hostOf(value) : undefined;
      if (host === undefined) return ERROR;
      return truthOf(isBelow(host) || hosts.has(host));
    };
  },
  necessary: (literal) => ({ domains: domainsOf(literal) }),
};

/** Parents that are quicker compared one by one than looked up. */
const FEW = 4;

function belowOneOf(parents: readonly string[]): (host: string) => boolean {
  const endings = parents.map((parent) => `.${parent}`);
  return (host) => endings.some((ending) => host.endsWith(ending));
}

function belowSomeOf(parents: ReadonlySet<string>): (host: string) => boolean {
  return (host) => {
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      if (parents.has(host.slice(dot + 1))) return true;
    }
    return false;
  };
}

function cidrsOf(literal: unknown): readonly Cidr[] {
  return textsOf(literal)
    .map(parseCidr)
    .filter((cidr): cidr is Cidr => cidr !== undefined);
}

function cidrFault(literal: Json | undefined): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  const cidr = typeof literal === 'string' ? parseCidr(literal) : undefined;
  if (cidr === undefined) return valueFault('expected a range of addresses, such as 10.0.0.0/8 or fd00::/8');
  if (isAligned(cidr)) return undefined;
  const meant = formatCidr(aligned(cidr));
  return valueFault(`the address has bits beyond its /${cidr.bits} prefix; did you mean "${meant}"?`);
}

const BELOW = '*.';

function domainsOf(literal: unknown): readonly HostPattern[] {
  return textsOf(literal).flatMap((text) => {
    const below = text.startsWith(BELOW);
    const host = canonicalHost(below ? text.slice(BELOW.length) : text);
    return host === undefined ? [] : [{ host, below }];
  });
}

function domainFault(literal: Json | undefined): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  if (typeof literal !== 'string') return valueFault('expected a domain, such as example.com or *.example.com');
  const [pattern] = domainsOf(literal);
  if (pattern === undefined) {
    return valueFault(
      `"${literal}" is not a domain such as example.com or *.example.com (without scheme, port and path; * only as the first label)`,
    );
  }
  return isAddressHost(pattern.host) ? valueFault(`"${literal}" is an address; ask for it with cidr_match`) : undefined;
}
