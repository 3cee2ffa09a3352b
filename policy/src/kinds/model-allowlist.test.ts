import { describe, expect, test } from '@jest/globals';
import type { Json } from '../model/request.js';
import { MODEL_ALLOWLIST } from './model-allowlist.js';
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

const inference = (request: Json | undefined) => requestOf('inference', request === undefined ? {} : { request });

describe('model_allowlist', () => {
  test.each<{ name: string; models?: readonly string[]; request?: Json; finding: Finding }>([
    { name: 'a listed model complies', request: { model: 'gpt-4o' }, finding: 'complies' },
    { name: 'another model violates', request: { model: 'gpt-3.5-turbo' }, finding: 'violates' },
    { name: 'another spelling violates', request: { model: 'GPT-4o' }, finding: 'violates' },
    { name: 'a longer name violates', request: { model: 'gpt-4o-mini' }, finding: 'violates' },
    { name: 'no model violates', request: { action: 'chat' }, finding: 'violates' },
    { name: 'no request object violates', finding: 'violates' },
    { name: 'a model that is no text errs', request: { model: 7 }, finding: 'errs' },
    { name: 'a request that is no object errs', request: 'gpt-4o', finding: 'errs' },
    { name: 'a glob matches', models: ['gpt-4o*', 'o1'], request: { model: 'gpt-4o-mini' }, finding: 'complies' },
    { name: 'a plain name beside a glob', models: ['gpt-4o*', 'o1'], request: { model: 'o1' }, finding: 'complies' },
    { name: 'neither', models: ['gpt-4o*', 'o1'], request: { model: 'o1-mini' }, finding: 'violates' },
    { name: 'a star goes over slashes', models: ['meta/*'], request: { model: 'meta/a/b' }, finding: 'complies' },
    { name: 'an escaped star is none', models: ['meta/\\*'], request: { model: 'meta/a' }, finding: 'violates' },
    { name: 'an escaped star is a star', models: ['meta/\\*'], request: { model: 'meta/*' }, finding: 'complies' },
    { name: 'a star alone is any', models: ['*'], request: { model: 'meta/llama' }, finding: 'complies' },
    { name: 'a star alone is not none', models: ['*'], request: {}, finding: 'violates' },
  ])('$name', ({ models, request, finding }) => {
    const policy = policyOf(
      'model_allowlist',
      models === undefined ? (MODEL_ALLOWLIST.example['config'] ?? null) : { models },
    );
    expect(findingsOf(policy, inference(request))).toEqual(everyAction('model_allowlist', finding));
  });

  test('other attempts are not spoken of', () => {
    expect(engineOf(MODEL_ALLOWLIST.example).evaluate(requestOf('tool_call')).effect).toBe('allow');
    expect(engineOf({ ...MODEL_ALLOWLIST.example, on: ['tool_call'] }).evaluate(requestOf('tool_call')).effect).toBe(
      'deny',
    );
  });

  test('a denial says why', () => {
    expect(engineOf(MODEL_ALLOWLIST.example).evaluate(inference({ model: 'x' })).deny).toEqual([
      {
        code: 'POLICY_DENIED',
        reason_code: 'MODEL_NOT_ALLOWED',
        message: 'this model is not in the allowlist',
        path: 'tenant/model-allowlist',
      },
    ]);
  });

  test.each<{ name: string; config: Json; says: string }>([
    { name: 'no models', config: {}, says: 'config.models is missing' },
    { name: 'an empty list', config: { models: [] }, says: 'config.models: too small' },
    { name: 'a mistyped key', config: { model: ['a'] }, says: 'unknown key "model"; did you mean "models"?' },
    {
      name: 'a bad glob',
      config: { models: ['a', 'b[c'] },
      says: 'config.models[1]: the glob has a "[" that nothing closes',
    },
    { name: 'a number', config: { models: [4] }, says: 'config.models[0]: invalid input: expected string' },
  ])('$name is refused', ({ config, says }) => {
    expect(problemsOf(policyOf('model_allowlist', config)).join('\n')).toContain(says);
  });
});
