/**
 * The golden cases through a PDP and a sidecar that keep decisions: whoever asks again is answered from a cache where the
 * decision may be kept, and hears what the case says either way.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import { linkBundle } from '@portcullis/policy';
import { type CanonicalRequest, type Condition, DECIDE_OUTPUT } from '@portcullis/policy/model';
import { compiled } from '../support/bundle-source.js';
import { createCachedPlane, keeping, type Origin, type Substance } from '../support/cached-plane.js';
import { type GoldenOutcome, loadGoldenCases } from './golden.js';

/** What the decision point knows besides would have to be said by a source. */
const cases = loadGoldenCases().filter(({ fromOutside }) => fromOutside);

function outcomeOf({ effect, deny, conditions, obligations: all, matched, diagnostics }: Substance): GoldenOutcome {
  // An order to the PEP that asks, and nothing that a policy says.
  const obligations = all.filter(({ type }) => type !== DECIDE_OUTPUT);
  return {
    effect,
    deny: deny.map(({ code, path, reason_code }) => {
      return { code, path, ...(reason_code === undefined ? {} : { reason_code }) };
    }),
    ...(conditions.length === 0 ? {} : { conditions: conditions.map(withoutApproval) }),
    ...(obligations.length === 0 ? {} : { obligations }),
    matched: matched.map(({ policy, layer, effect: did }) => ({ policy, layer, effect: did })),
    errors: diagnostics.errors.map(({ policy, layer, path }) => ({ policy, layer, path })),
  };
}

/** A hold says, besides what the policy says, which approval it waits for. */
function withoutApproval({ type, value }: Condition): Condition {
  if (typeof value !== 'object' || value === null || !('approval_id' in value)) return { type, value };
  const { approval_id: _id, expires_at: _expires, poll: _poll, poll_seconds: _often, state: _state, ...said } = value;
  return { type, value: said };
}

const seen: Record<Origin, number> = { sidecar: 0, pdp: 0, decided: 0 };

describe('golden cases, asked again', () => {
  test.each(cases)('$name', async ({ files, request, expect: wanted }) => {
    const asked = request as CanonicalRequest;
    const bundle = keeping(compiled(files));
    const plane = createCachedPlane(bundle, { silent: true });
    const first = await plane.ask(asked);
    expect([first.origin, outcomeOf(first.substance)]).toEqual(['decided', wanted]);
    // Denials, holds, errors, duties and what another engine looked at are never kept (ADR-0017).
    const mayBeKept =
      linkBundle(bundle).cacheTtlSeconds > 0 &&
      wanted.effect === 'allow' &&
      wanted.errors.length === 0 &&
      wanted.obligations === undefined;
    const again = await plane.ask(asked);
    const atThePdp = await plane.askPdp(asked);
    for (const answer of [again, atThePdp]) {
      seen[answer.origin] += 1;
      expect(outcomeOf(answer.substance)).toEqual(wanted);
      // Texts for people, too: a cache that words a denial otherwise has decided something else.
      if (wanted.effect !== 'hold') expect(answer.substance).toEqual(first.substance);
      if (!mayBeKept) expect(answer.origin).toBe('decided');
      // Each call has its own order, which a PDP gives anew; a PEP keeps none.
      if (first.substance.obligations.length > 0) expect(answer.origin).not.toBe('sidecar');
    }
    plane.publish(bundle);
    const reloaded = await plane.ask(asked);
    expect([reloaded.origin, outcomeOf(reloaded.substance)]).toEqual(['decided', wanted]);
  });

  afterAll(() => {
    // Otherwise this would be a test of the pipeline without caches.
    const allows = cases.filter((one) => one.expect.effect === 'allow').length;
    expect(seen.sidecar).toBeGreaterThan(allows / 2);
    expect(seen.pdp).toBeGreaterThan(allows / 2);
  });
});
