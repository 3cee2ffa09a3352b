/** What an `egress` policy means, written as plainly as possible and without the engine's code. */
import { SPECIAL_RANGES } from '@portcullis/policy';
import type { ContextualRequest, JsonObject } from '@portcullis/policy/model';
import { ask, every, type Holds, isAmong, isMissing, isText, isTexts, not, some } from './reference-holds.js';
import { liesIn, matchesDomain, plainHost, readAddress } from './reference-values.js';

interface Entry {
  readonly domains?: readonly string[];
  readonly cidrs?: readonly string[];
  readonly ports?: readonly number[];
  readonly schemes?: readonly string[];
  readonly environments?: readonly string[];
  readonly methods?: readonly string[];
}

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

function isPublic(text: string): boolean {
  const address = readAddress(text);
  if (address === undefined || text.includes('%')) return false;
  if (address.bits === 32) return !text.includes(':') && !SPECIAL_RANGES.some(({ cidr }) => liesIn(address, cidr));
  return liesIn(address, '2000::/3') && !SPECIAL_RANGES.some(({ cidr }) => liesIn(address, cidr));
}

function isIn(text: string, ranges: readonly string[]): boolean {
  const address = readAddress(text);
  return address !== undefined && ranges.some((range) => liesIn(address, range));
}

function onHost(request: ContextualRequest, holds: (host: string) => Holds): Holds {
  return ask(request, 'egress.host', isText, holds);
}

function onAddresses(request: ContextualRequest, holds: (addresses: readonly string[]) => Holds): Holds {
  return ask(request, 'egress.resolved_ips', isTexts, holds);
}

function plainParts(
  request: ContextualRequest,
  entry: Entry,
): readonly { readonly path: string; readonly held: Holds }[] {
  return (
    [
      ['egress.port', entry.ports],
      ['egress.scheme', entry.schemes],
      ['context.environment', entry.environments],
      ['egress.method', entry.methods],
    ] as const
  ).flatMap(([path, accepted]) => (accepted === undefined ? [] : [{ path, held: isAmong(request, path, accepted) }]));
}

function isDomain(request: ContextualRequest, domains: readonly string[]): Holds {
  return onHost(request, (text) => {
    const host = plainHost(text);
    return host === undefined ? 'error' : domains.some((domain) => matchesDomain(host, domain));
  });
}

function matchesAllow(request: ContextualRequest, entry: Entry): Holds {
  const { domains, cidrs } = entry;
  return every([
    ...(domains === undefined ? [] : [isDomain(request, domains)]),
    ...(cidrs === undefined
      ? []
      : [
          some([
            onAddresses(request, (all) => all.length > 0 && all.every((one) => isIn(one, cidrs))),
            onHost(request, (host) => isIn(bare(host), cidrs)),
          ]),
          not(onAddresses(request, (all) => all.some((one) => !isIn(one, cidrs)))),
        ]),
    ...plainParts(request, entry).map(({ held }) => held),
  ]);
}

function matchesDeny(request: ContextualRequest, entry: Entry): Holds {
  const { domains, cidrs } = entry;
  const unknown = not(
    some([
      onAddresses(request, (all) => all.length > 0 && all.every((one) => readAddress(one) !== undefined)),
      onHost(request, (host) => readAddress(bare(host)) !== undefined),
    ]),
  );
  return every([
    ...(domains === undefined ? [] : [some([isMissing(request, 'egress.host'), isDomain(request, domains)])]),
    ...(cidrs === undefined
      ? []
      : [
          some([
            unknown,
            onAddresses(request, (all) => {
              if (all.some((one) => isIn(one, cidrs))) return true;
              return all.some((one) => readAddress(one) === undefined) ? 'error' : false;
            }),
            onHost(request, (host) => isIn(bare(host), cidrs)),
          ]),
        ]),
    ...plainParts(request, entry).map(({ path, held }) => some([isMissing(request, path), held])),
  ]);
}

function leadsAstray(request: ContextualRequest): Holds {
  return some([
    not(
      some([
        onAddresses(request, (all) => all.length > 0 && all.every(isPublic)),
        onHost(request, (host) => isPublic(bare(host))),
      ]),
    ),
    onAddresses(request, (all) => !all.every(isPublic)),
    onHost(request, (text) => {
      if (isPublic(bare(text))) return false;
      const host = plainHost(text);
      return host === undefined || readAddress(bare(host)) !== undefined;
    }),
  ]);
}

/** Whether a connection violates the policy. */
export function violatesEgress(config: JsonObject, request: ContextualRequest): Holds {
  const {
    allow,
    deny = [],
    resolved = 'public_only',
  } = config as unknown as {
    readonly allow: 'any' | readonly Entry[];
    readonly deny?: readonly Entry[];
    readonly resolved?: string;
  };
  return some([
    ...deny.map((entry) => matchesDeny(request, entry)),
    ...(allow === 'any' ? [] : [not(some(allow.map((entry) => matchesAllow(request, entry))))]),
    ...(resolved === 'public_only' ? [leadsAstray(request)] : []),
  ]);
}
