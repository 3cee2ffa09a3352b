/**
 * Whether a connection may be made: resolve once, decide on every address, and then the built-in rule about special
 * ones. What comes out names the addresses that were decided about, and nothing else may be connected to.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import type { Behalf } from '../../behalf/behalf.js';
import { type Guard, isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import type { RequestMaker } from '../canonical-request.js';
import type { Unreachable } from './answer.js';
import { bareHost, type Destination, isAddress, serverOf } from './destination.js';
import type { Resolver, UnresolvedReason } from './resolver.js';
import type { AddressRule } from './special-addresses.js';

/** A connection that was allowed. */
export interface Passage {
  readonly permit: Permit;
  readonly request: CanonicalRequest;
  readonly destination: Destination;
  /** All were decided about. In the order in which they should be tried. */
  readonly addresses: readonly string[];
  /** {@link Clock.monotonic} milliseconds of the question. */
  readonly askedAt: number;
}

/** What an agent wishes. */
export interface Wish {
  readonly destination: Destination;
  readonly behalf: Behalf;
  /** Where the request is visible. */
  readonly method?: string;
  readonly path?: string;
  readonly query?: string | undefined;
  /** Most bytes that will be sent under the decision. */
  readonly bytes: number;
}

/** Decides about connections. None of it rejects. */
export interface Admission {
  ask(wish: Wish): Promise<Passage | Refusal | Unreachable>;
  /** Asks again about a passage that has been used up: up to `bytes` in all, to the same addresses. */
  extend(passage: Passage, wish: Wish): Promise<Passage | Refusal>;
}

/** What it needs. */
export interface AdmissionOptions {
  readonly guard: Guard;
  readonly refuser: Refuser;
  readonly requestOf: RequestMaker;
  readonly resolver: Resolver;
  readonly rule: AddressRule;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Counts an allowed attempt that failed. */
  readonly failed: () => void;
}

/** Whether a passage was given. */
export function isPassage<T extends { readonly kind: string }>(outcome: Passage | T): outcome is Passage {
  return !('kind' in outcome);
}

const UNRESOLVED: Readonly<Record<UnresolvedReason, string>> = {
  not_found: 'the host has no address',
  not_asked: 'the host is none of those that may be resolved (egress.resolve.only)',
  timeout: 'the host was not resolved in time',
  busy: 'too many hosts are being resolved',
  too_many: 'the host has more addresses than are accepted',
  unusable: 'the host has an address that cannot be judged',
  failed: 'the host could not be resolved',
};

/** Makes it. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { guard, refuser, requestOf, resolver, rule, client, clock } = options;

  async function decide(wish: Wish, addresses: readonly string[] | undefined): Promise<Passage | Refusal> {
    const { destination, query, bytes } = wish;
    const { scheme, host, port } = destination;
    const askedAt = clock.monotonic();
    const request = requestOf({
      behalf: wish.behalf,
      kind: 'egress',
      egress: {
        scheme,
        host,
        port,
        ...(wish.method === undefined ? {} : { method: wish.method }),
        ...(wish.path === undefined ? {} : { path: wish.path }),
        // Sorted: resolvers take turns, and the same question should read the same.
        ...(addresses === undefined ? {} : { resolved_ips: addresses.toSorted() }),
        bytes,
      },
      attributes: query === undefined ? undefined : { query },
    });
    const outcome = await guard({
      request,
      server: serverOf(destination),
      direction: 'client_to_server',
      payload: undefined,
    });
    if (isRefusal(outcome)) return outcome;
    const passage = { permit: outcome, request, destination, addresses: addresses ?? [], askedAt };
    // A connection brings back what nobody here can read.
    if (outcome.report !== undefined) {
      return retract(passage, 'OBLIGATION_UNSUPPORTED', 'the decision orders a report of what a connection brings');
    }
    for (const address of passage.addresses) {
      const special = rule(address, port);
      if (special === undefined) continue;
      const message =
        `${host} leads to ${address} (${special}), which is connected to only where the sidecar's configuration names it ` +
        'in egress.specialAddresses';
      return retract(passage, 'POLICY_DENIED', message, 'EGRESS_SPECIAL_ADDRESS');
    }
    return passage;
  }

  /** Allowed, and refused here. */
  function retract(
    { permit, request, askedAt }: Passage,
    code: 'OBLIGATION_UNSUPPORTED' | 'POLICY_DENIED',
    message: string,
    reason?: string,
  ): Refusal {
    settle(permit, 'refused', askedAt);
    return refuser.refuse(code, { message, decision_id: permit.decision_id, request, reason_code: reason });
  }

  function settle(permit: Permit, outcome: 'refused' | 'upstream_failed', askedAt: number): void {
    client.settle({
      decision_id: permit.decision_id,
      request_digest: permit.request_digest,
      outcome,
      duration_ms: Math.max(0, Math.round(clock.monotonic() - askedAt)),
      usage: { bytes: 0 },
    });
  }

  return {
    async ask(wish) {
      try {
        const { destination } = wish;
        if (isAddress(destination)) return await decide(wish, [bareHost(destination)]);
        const resolved = await resolver(destination.host);
        if (resolved.kind === 'addresses') return await decide(wish, resolved.addresses);
        // Decided nevertheless: that it was tried is worth a record, and a denial says more than a failure.
        const outcome = await decide(wish, undefined);
        if (!isPassage(outcome)) return outcome;
        const { permit, askedAt } = outcome;
        settle(permit, 'upstream_failed', askedAt);
        options.failed();
        return {
          kind: 'unreachable',
          status: resolved.reason === 'timeout' || resolved.reason === 'busy' ? 504 : 502,
          code: 'UPSTREAM_UNRESOLVED',
          message: UNRESOLVED[resolved.reason],
          decision_id: permit.decision_id,
        };
      } catch (thrown) {
        return refuser.fault(thrown);
      }
    },
    async extend({ addresses }, wish) {
      try {
        return await decide(wish, addresses);
      } catch (thrown) {
        return refuser.fault(thrown);
      }
    },
  };
}
