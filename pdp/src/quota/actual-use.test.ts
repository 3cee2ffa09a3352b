import { describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle, type PriceList } from '@portcullis/policy';
import { must } from '../fixtures/repository.js';
import { actualUse } from './actual-use.js';

const BUNDLE = `
format: portcullis.policy/1
name: b
version: 1.0.0
data: {prices: prices.yaml}
sets: [{name: s, layer: platform, combining: priority, priority_order: desc, policies: p}]
`;
const POLICY = '{name: A, slug: a, when: {field: tenant_id, operator: exists}, effect: allow, priority: 1}';
const PRICES = `
currency: EUR
models:
  - {provider: openai, model: gpt-4o, input: "2.50", cached_input: "0.25", output: "10.00"}
  - {provider: openai, model: gpt-4o, valid_from: 2026-06-01T00:00:00Z, input: 5, output: 20}
`;
const MAY = Date.parse('2026-05-01T00:00:00Z');

function prices(): PriceList | undefined {
  const files = Object.entries({ 'bundle.yaml': BUNDLE, 'p/a.yaml': POLICY, 'prices.yaml': PRICES });
  const compiled = compileBundle(new Map(files.map(([name, text]) => [name, Buffer.from(text)])));
  return linkBundle(must(compiled)).registry.prices;
}

describe('a report of use', () => {
  const tokens = { input_tokens: 1_000, cached_tokens: 2_000, output_tokens: 100 };
  const model = { model: 'gpt-4o', model_provider: 'openai' };

  test('is summed, and priced at the moment that it comes', () => {
    expect(actualUse({ ...tokens, ...model, bytes_in: 3, bytes_out: 4 }, prices(), MAY)).toEqual({
      tokens: 3_100,
      bytes: 7,
      cost: 0.004,
    });
    expect(actualUse({ ...tokens, ...model }, prices(), Date.parse('2026-06-02T00:00:00Z')).cost).toBe(0.017);
  });

  test('counts what it says itself', () => {
    expect(actualUse({ ...tokens, ...model, tokens: 5, cost: 0.5, bytes: 6, bytes_in: 1 }, prices(), MAY)).toEqual({
      tokens: 5,
      cost: 0.5,
      bytes: 6,
    });
  });

  test.each([
    ['no model', { ...tokens }],
    ['a model without a price', { ...tokens, model: 'gpt-5', model_provider: 'openai' }],
    ['one side of the conversation', { ...model, input_tokens: 1 }],
    ['nothing', {}],
  ])('with %s leaves the cost at its estimate', (_name, usage) => {
    expect(actualUse(usage, prices(), MAY)).not.toHaveProperty('cost');
    expect(actualUse({ ...tokens, ...model }, undefined, MAY)).not.toHaveProperty('cost');
  });
});
