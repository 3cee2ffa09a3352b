import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest, Verdict } from '@portcullis/policy/model';
import { toolCall } from '../fixtures/requests.js';
import { type Circumstances, type Judged, keepable } from './keepable.js';

const ALLOW: Verdict = {
  effect: 'allow',
  deny: [],
  conditions: [],
  obligations: [],
  matched: [],
  errors: [],
  guards: [],
};
const READS = ['context.approval.granted', 'agent.id', 'tool.name'];
const PLAIN: Circumstances = { factsNeeded: ['agent.id', 'tool.name'], sources: [], assessesRisk: false };
const request = toolCall('read') as ContextualRequest;
const judged = (over: Partial<Judged> = {}): Judged => ({ request, verdict: ALLOW, reads: READS, ...over });
const reading = (...paths: string[]): Judged => judged({ reads: [...READS, ...paths] });
const needing = (...paths: string[]): Circumstances => ({ ...PLAIN, factsNeeded: [...PLAIN.factsNeeded, ...paths] });

describe('an allow of fields alone', () => {
  test('may be kept for requests with the same fields', () => {
    expect(keepable(judged(), PLAIN)).toEqual({ ok: true, scope: 'agent.id+context.approval.granted+tool.name+user' });
  });

  test('may be kept with conditions: whoever is served carries them out', () => {
    const verdict: Verdict = { ...ALLOW, conditions: [{ type: 'audit_level', value: 'high' }] };
    expect(keepable(judged({ verdict }), PLAIN).ok).toBe(true);
  });
});

describe('is not kept', () => {
  test.each<[string, Judged, Circumstances, string]>([
    ['a denial', judged({ verdict: { ...ALLOW, effect: 'deny' } }), PLAIN, 'blocked'],
    ['a hold', judged({ verdict: { ...ALLOW, effect: 'hold' } }), PLAIN, 'blocked'],
    [
      'what erred',
      judged({ verdict: { ...ALLOW, errors: [{ policy: 'p', layer: 'tenant', path: '', message: '' }] } }),
      PLAIN,
      'error',
    ],
    [
      'what somebody must be told of',
      judged({ verdict: { ...ALLOW, obligations: [{ type: 'review', value: true }] } }),
      PLAIN,
      'obligation',
    ],
    ['what draws on a quota', judged({ verdict: { ...ALLOW, guards: [{} as never] } }), PLAIN, 'quota'],
    ['what looked at everything', reading(''), PLAIN, 'whole_request'],
    ['what read the clock', reading('context.timestamp'), needing('context.timestamp'), 'clock'],
    ['what read around the clock', reading('context'), needing('context'), 'clock'],
    ['what read a risk', reading('intent_risk.decision'), needing('intent_risk.decision'), 'risk'],
    ['what read inside a risk', reading('intent_risk.behavioral_signals[any].signal_type'), PLAIN, 'risk'],
    [
      'anything of a bundle whose risk is judged by what happened',
      judged(),
      { ...needing('intent_risk.decision'), assessesRisk: true },
      'risk',
    ],
    ['anything of a bundle that reads the history', judged(), needing('facts.history[any].tool'), 'history'],
    [
      'what people agreed to',
      judged({ request: { ...request, context: { ...request.context, approval: { granted: [] } } } }),
      PLAIN,
      'approval',
    ],
    ['what was decided without all facts', judged({ request: { ...request, unavailable: [] } }), PLAIN, 'unavailable'],
    ['what has a name that no scope can have', reading('tool.arguments.a+b'), PLAIN, 'scope'],
    [
      'what a source says that promises nothing',
      reading('agent.trust_level'),
      { ...PLAIN, sources: [{ provides: ['agent.trust_level'] }] },
      'source',
    ],
    [
      'what holds what such a source says',
      reading('agent'),
      { ...PLAIN, sources: [{ provides: ['agent.trust_level'] }] },
      'source',
    ],
    [
      'what is inside what such a source says',
      reading('user.attributes.team'),
      { ...PLAIN, sources: [{ provides: ['user'] }] },
      'source',
    ],
    [
      'what asks itself for agreements that a source brings',
      judged(),
      { ...needing('context.approval.granted'), sources: [{ provides: ['context.approval'] }] },
      'source',
    ],
  ])('%s', (_name, what, circumstances, reason) => {
    expect(keepable(what, circumstances)).toEqual({ ok: false, reason });
  });
});

describe('sources', () => {
  const steady = { provides: ['agent.trust_level'], steady: { by: ['agent.id', 'tenant_id'] } };

  test('that promise to be steady put what they answer by into the scope', () => {
    expect(keepable(reading('agent.trust_level'), { ...PLAIN, sources: [steady] })).toEqual({
      ok: true,
      scope: 'agent.id+agent.trust_level+context.approval.granted+tenant_id+tool.name+user',
    });
  });

  test('that the decision did not read do not matter', () => {
    const sources = [steady, { provides: ['user'] }, { provides: ['context.approval'] }];
    expect(keepable(judged(), { ...PLAIN, sources })).toEqual(keepable(judged(), PLAIN));
  });
});
