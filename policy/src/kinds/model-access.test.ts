import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { MODEL_ACCESS } from './model-access.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';

const findingsOf = createFindings();

const EXAMPLE = MODEL_ACCESS.example['config'] ?? null;
const CATALOGUE = { prod: [{ provider: 'p', models: ['m'] }] };

const CALL = {
  model: 'gpt-4o',
  model_provider: 'azure-openai',
  model_endpoint: 'https://ai.example.com/openai/v1',
  action: 'chat',
  max_tokens: 1000,
};

describe('model_access', () => {
  test.each<{ name: string; change?: JsonObject; role?: Json; environment?: Json; finding: Finding }>([
    { name: 'as granted', finding: 'complies' },
    { name: 'a model of another environment', change: { model: 'claude-3' }, finding: 'violates' },
    { name: 'another provider', change: { model_provider: 'openai' }, finding: 'violates' },
    { name: 'no provider', change: { model_provider: null }, finding: 'violates' },
    { name: 'another endpoint', change: { model_endpoint: 'https://evil.example/openai/v1' }, finding: 'violates' },
    { name: 'no endpoint', change: { model_endpoint: null }, finding: 'violates' },
    { name: 'another action', change: { action: 'fine_tune' }, finding: 'violates' },
    { name: 'no action', change: { action: null }, finding: 'violates' },
    { name: 'too many tokens', change: { max_tokens: 32001 }, finding: 'violates' },
    { name: 'an estimate that is too high', change: { estimated_tokens: 32001 }, finding: 'violates' },
    { name: 'tokens unknown', change: { max_tokens: null }, finding: 'violates' },
    { name: 'another role', role: 'intern', finding: 'violates' },
    { name: 'no role', role: null, finding: 'violates' },
    { name: 'a role with fewer models', role: 'analyst', finding: 'violates' },
    { name: 'one of these', role: 'analyst', change: { model: 'gpt-4o-mini' }, finding: 'complies' },
    {
      name: 'with its own cap',
      role: 'analyst',
      change: { model: 'gpt-4o-mini', max_tokens: 4001 },
      finding: 'violates',
    },
    { name: 'an environment without a catalogue', environment: 'staging', finding: 'violates' },
    { name: 'no environment', environment: null, finding: 'violates' },
    { name: 'any endpoint in dev', environment: 'dev', change: { model_endpoint: null }, finding: 'complies' },
    {
      name: 'a grant for prod only, in dev',
      environment: 'dev',
      role: 'analyst',
      change: { model: 'gpt-4o-mini' },
      finding: 'violates',
    },
    { name: 'a model that is no text', change: { model: 5 }, finding: 'errs' },
  ])('$name: $finding', ({ change = {}, role = 'engineer', environment = 'prod', finding }) => {
    const request = requestOf('inference', {
      request: present({ ...CALL, ...change }),
      user: present({ role }),
      context: { environment },
    });
    expect(findingsOf(policyOf('model_access', EXAMPLE), withoutNull(request))).toEqual(
      everyAction('model_access', finding),
    );
  });

  test('without rules the catalogue alone decides', () => {
    const engine = engineOf(policyOf('model_access', { catalogue: CATALOGUE }));
    const call = (model: string) =>
      engine.evaluate(requestOf('inference', { request: { model, model_provider: 'p' } }));
    expect(call('m').effect).toBe('allow');
    expect(call('n').effect).toBe('deny');
  });

  test('a star asks for nothing', () => {
    const rules = [{ roles: ['*'], models: ['*'], actions: ['*'] }];
    const engine = engineOf(policyOf('model_access', { catalogue: CATALOGUE, rules }));
    expect(engine.evaluate(requestOf('inference', { request: { model: 'm', model_provider: 'p' } })).effect).toBe(
      'allow',
    );
  });

  test('a grant for a team', () => {
    const rules = [{ roles: ['*'], models: ['*'], actions: ['*'], teams: ['risk'] }];
    const engine = engineOf(policyOf('model_access', { catalogue: CATALOGUE, rules }));
    const call = (team: string) =>
      engine.evaluate(requestOf('inference', { user: { team }, request: { model: 'm', model_provider: 'p' } }));
    expect(call('risk').effect).toBe('allow');
    expect(call('sales').effect).toBe('deny');
  });

  test.each<{ config: Json; says: string }>([
    { config: { catalogue: {} }, says: 'config.catalogue: a catalogue has at least one environment' },
    { config: { catalogue: { production: [] } }, says: 'config.catalogue' },
    { config: { catalogue: { prod: [{ provider: 'p', model: ['m'] }] } }, says: 'did you mean "models"?' },
    {
      config: { catalogue: CATALOGUE, rules: [{ roles: ['a'], models: ['m'] }] },
      says: 'config.rules[0].actions is missing',
    },
    {
      config: {
        catalogue: CATALOGUE,
        rules: [{ roles: ['a'], models: ['m'], actions: ['x'], environments: ['production'] }],
      },
      says: 'config.rules[0].environments[0]: "production" is not one of dev, staging, prod; did you mean "prod"?',
    },
    { config: { catalog: CATALOGUE }, says: 'did you mean "catalogue"?' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('model_access', config)).join('\n')).toContain(says);
  });
});

function present(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function withoutNull(request: ReturnType<typeof requestOf>): ReturnType<typeof requestOf> {
  const { context, ...rest } = request as unknown as Record<string, JsonObject>;
  return { ...rest, context: present(context ?? {}) } as unknown as ReturnType<typeof requestOf>;
}
