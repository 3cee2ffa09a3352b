/** Names to addresses: once per attempt, within a time, and never behind anybody's back. */

import { lookup } from 'node:dns/promises';
import { formatIp, parseIp } from '@portcullis/policy/network';
import type { EgressConfig } from './config.js';
import { isOneOf } from './destination.js';

/** What a name leads to, or why that is not known. */
export type Resolved =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'unresolved'; readonly reason: UnresolvedReason };

/** Why a name has no address that could be decided about. */
export type UnresolvedReason = 'not_found' | 'not_asked' | 'timeout' | 'busy' | 'too_many' | 'unusable' | 'failed';

/** The port: whoever knows the addresses of a name, in the order in which they should be tried. May reject. */
export type NameLookup = (host: string) => Promise<readonly string[]>;

/** Resolves a name. Never rejects. */
export type Resolver = (host: string) => Promise<Resolved>;

/** The host's own resolver: what any other program beside this one would see. */
export const systemLookup: NameLookup = async (host) => {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
};

/** A resolver with bounds around `names`. Nothing is kept: an address counts for the attempt that it was decided for. */
export function createResolver(names: NameLookup, limits: EgressConfig['resolve']): Resolver {
  let pending = 0;

  async function ask(host: string): Promise<Resolved> {
    try {
      return judge(await names(host));
    } catch (thrown: unknown) {
      return unresolved(isAbsence(thrown) ? 'not_found' : 'failed');
    } finally {
      pending -= 1;
    }
  }

  function judge(found: readonly string[]): Resolved {
    if (found.length === 0) return unresolved('not_found');
    if (found.length > limits.maxAddresses) return unresolved('too_many');
    const addresses = new Set<string>();
    for (const text of found) {
      const ip = parseIp(text);
      // One that cannot be read could not be decided about, and its name is not what it seems.
      if (ip === undefined || text.includes('%')) return unresolved('unusable');
      // A mapped address keeps its spelling: as such it is special, the address inside might not be.
      addresses.add(ip.family === 4 && text.includes(':') ? text.toLowerCase() : formatIp(ip));
    }
    return { kind: 'addresses', addresses: [...addresses] };
  }

  return async (host) => {
    if (limits.only !== undefined && !isOneOf(host, limits.only)) return unresolved('not_asked');
    if (pending >= limits.maxPending) return unresolved('busy');
    // Counted until the system has answered, not until we stopped waiting: it is the system's threads that are few.
    pending += 1;
    const asked = ask(host);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Resolved>((resolve) => {
      timer = setTimeout(() => resolve(unresolved('timeout')), limits.timeoutMs);
    });
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  };
}

const ABSENT: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA']);

function isAbsence(thrown: unknown): boolean {
  return thrown instanceof Error && ABSENT.has((thrown as NodeJS.ErrnoException).code);
}

function unresolved(reason: UnresolvedReason): Resolved {
  return { kind: 'unresolved', reason };
}
