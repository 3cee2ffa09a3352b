import { describe, expect, test } from '@jest/globals';
import type { Decision } from '@portcullis/policy/model';
import { createTestHttpApp, DENIED } from '../fixtures/http-app.js';
import { DRAFT_WORDS } from './authzen-obligations.js';
import { httpConfig } from './http-config.js';

const question = {
  subject: { type: 'agent', id: 'analyst' },
  action: { name: 'tools/call', properties: { path: '/x' } },
  resource: { type: 'tool', id: 'read', properties: { server: 'files' } },
};
const REDACT = 'urn:portcullis:obligation:redact';
const REPORT = 'urn:portcullis:obligation:report_result';
const redact: Partial<Decision> = { conditions: [{ type: 'redact', value: { fields: ['ssn'] } }] };
const both: Partial<Decision> = { ...redact, obligations: [{ type: 'report_result', value: { max_bytes: 10 } }] };

async function ask(made: Partial<Decision>, context: object, where = { words: DRAFT_WORDS }) {
  const { app, post, attempts } = createTestHttpApp(() => made, where);
  const answer = await post('/access/v1/evaluation', { ...question, context });
  const subject = attempts.at(-1)?.subject;
  await app.close();
  return { ...answer.json<{ decision: boolean; context: Record<string, unknown> }>(), asked: subject };
}

describe('in the words of the obligations draft', () => {
  test('an allow lists custom obligations, each with an id, and the properties name ours', async () => {
    const context = { supported_obligations: ['custom'], supported_custom_obligations: [REPORT, REDACT] };
    const answer = await ask(both, context);
    expect(answer.decision).toBe(true);
    expect(answer.context['obligations']).toEqual([
      { id: 'd-1/0', type: 'custom', properties: { obligation: REDACT, value: { fields: ['ssn'] } } },
      { id: 'd-1/1', type: 'custom', properties: { obligation: REPORT, value: { max_bytes: 10 } } },
    ]);
    expect(JSON.stringify(answer.asked)).not.toContain('supported');
  });

  test.each<[string, object]>([
    ['nothing is declared', {}],
    ['custom obligations of anybody', { supported_obligations: ['custom'] }],
    ['ours, and not custom ones', { supported_custom_obligations: [REDACT] }],
    ['a type that the metadata does not announce', { supported_obligations: ['redact'] }],
    ['types of the registry', { supported_obligations: ['step-up', 'notification', 'session_termination'] }],
    ['another of ours', { supported_obligations: ['custom'], supported_custom_obligations: [REPORT] }],
    ['a text', { supported_obligations: 'custom', supported_custom_obligations: REDACT }],
  ])('an allow is none where the caller declares %s', async (_name, context) => {
    const answer = await ask(redact, context);
    expect(answer.decision).toBe(false);
    expect(answer.context['reasons']).toMatchObject([
      { code: 'OBLIGATION_UNSUPPORTED', path: 'context.supported_custom_obligations' },
    ]);
    // A denial that listed one would oblige the caller to carry it out.
    expect(answer.context).not.toHaveProperty('obligations');
  });

  test('a hold is a denial without obligations: asking people is nothing that the caller carries out', async () => {
    const hold: Partial<Decision> = {
      ...DENIED,
      effect: 'hold',
      conditions: [{ type: 'require_approval', value: { role: 'boss' } }],
    };
    const able = { supported_obligations: ['custom'], supported_custom_obligations: [REDACT] };
    const answer = await ask(hold, able);
    expect([answer.decision, answer.context['obligations']]).toEqual([false, undefined]);
  });

  test('what the decision point does itself asks nothing of the caller', async () => {
    expect(await ask({ obligations: [{ type: 'review', value: true }] }, {})).toMatchObject({ decision: true });
  });

  test('the metadata announces the type, and only then', async () => {
    const metadata = async (words?: typeof DRAFT_WORDS): Promise<Record<string, unknown>> => {
      const { app } = createTestHttpApp(undefined, words === undefined ? {} : { words });
      const answer = await app.inject({ url: '/.well-known/authzen-configuration' });
      await app.close();
      return answer.json();
    };
    expect(await metadata(DRAFT_WORDS)).toMatchObject({ supported_obligations: ['custom'] });
    expect(await metadata()).not.toHaveProperty('supported_obligations');
    expect(httpConfig.parse({}).obligations).toBe('own');
  });
});
