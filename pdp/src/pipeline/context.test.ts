import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { type ContextualRequest, mintIdentified, mintNormalized } from './chain.js';
import { createContextualize } from './context.js';
import type { ContextSource, Question, Snapshot, Supplement } from './ports.js';

const QUESTION: Question = { caller: AGENT, request: toolCall('read'), digest: '0', deadline: 40 };

function snapshotReading(factsNeeded: readonly string[]): Snapshot {
  const engine = { factsNeeded } as Snapshot['engine'];
  return { engine, releaseSeq: 1, bundleDigest: 'ab', policyVersion: '1' };
}

function source(provides: readonly string[], supplement: () => Supplement | Promise<Supplement>): ContextSource {
  return { name: provides.join(), provides, supplement };
}

async function contextOf(factsNeeded: readonly string[], ...sources: ContextSource[]): Promise<ContextualRequest> {
  const clock = createFakeClock();
  const snapshot = snapshotReading(factsNeeded);
  const observer = createRecorder();
  const contextualize = createContextualize({
    snapshots: { current: () => ({ ok: true, snapshot }) },
    sources,
    clock,
    observer,
  });
  const { request } = QUESTION;
  const identified = mintIdentified({ normalized: mintNormalized({ request, digest: '0' }), request });
  const result = await contextualize(identified, { ...QUESTION, deadline: clock.monotonic() + 5 });
  if (!result.ok) throw new Error(result.reason.message);
  return result.value;
}

describe('the context stage', () => {
  test('asks only sources of which the bundle reads something', async () => {
    const asked: string[] = [];
    const asking = (path: string): ContextSource =>
      source([path], () => {
        asked.push(path);
        return {};
      });
    await contextOf(
      ['agent.trust_level', 'facts.history[any].tool', 'user'],
      ...['agent.trust_level', 'agent.trust', 'facts.history', 'facts.sinks', 'user.attributes', 'tool'].map(asking),
    );
    expect(asked).toEqual(['agent.trust_level', 'facts.history', 'user.attributes']);
  });

  test('asks what the risk is judged by of a bundle that reads the risk, and of no other', async () => {
    const asked: string[] = [];
    const asking = (path: string): ContextSource =>
      source([path], () => {
        asked.push(path);
        return {};
      });
    const clock = createFakeClock();
    for (const factsNeeded of [['intent_risk.decision'], ['user']]) {
      const snapshot = snapshotReading(factsNeeded);
      const contextualize = createContextualize({
        snapshots: { current: () => ({ ok: true, snapshot }) },
        sources: ['facts.history', 'facts.sinks', 'user'].map(asking),
        clock,
        observer: createRecorder(),
        assessor: { reads: ['facts.history'] },
      });
      const { request } = QUESTION;
      const identified = mintIdentified({ normalized: mintNormalized({ request, digest: '0' }), request });
      await contextualize(identified, { ...QUESTION, deadline: clock.monotonic() + 1_000 });
    }
    expect(asked).toEqual(['facts.history', 'user']);
  });

  test('a later source has the last word; attributes and sinks are united', async () => {
    const { request } = await contextOf(
      ['agent'],
      source(['agent'], () => ({
        agent: { trust_level: 0.1, attributes: { a: 1, b: 1 } },
        facts: { sinks: ['write'] },
      })),
      source(['agent'], async () => ({
        agent: { trust_level: 0.7, attributes: { b: 2 } },
        facts: { sinks: ['egress'] },
      })),
    );
    expect(request.agent).toEqual({ ...QUESTION.request.agent, trust_level: 0.7, attributes: { a: 1, b: 2 } });
    expect(request.facts).toEqual({ sinks: ['write', 'egress'] });
  });

  test.each([
    {
      why: 'rejects',
      supplement: () => Promise.reject(new Error('down')),
    },
    {
      why: 'throws',
      supplement: () => {
        throw new Error('defect');
      },
    },
    { why: 'does not answer', supplement: () => new Promise<never>(() => undefined) },
  ])('what a source provides is unavailable when it $why', async ({ supplement }) => {
    const { request } = await contextOf(
      ['user.team', 'agent'],
      source(['user', 'facts.history'], supplement),
      source(['agent'], () => ({ agent: { trust_level: 1 }, unavailable: ['agent.type'] })),
    );
    expect(request.unavailable).toEqual(['user', 'facts.history', 'agent.type']);
    expect(request.agent.trust_level).toBe(1);
  });
});
