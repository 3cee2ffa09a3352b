import { expect, test } from '@jest/globals';
import { compileBundle } from '../../engine/compile.js';
import { lintBundle } from './lint-bundle.js';

const COST = { name: 'Spend', type: 'quota', config: { kind: 'cost', limit: 5, window_seconds: 60 }, priority: 1 };
const RATES = { input: 1, output: 1 };

test.each<[string, object, object | undefined, readonly string[]]>([
  ['no prices', COST, undefined, ['LINT_COST_UNPRICED']],
  ['prices of tools alone', COST, { tools: [{ server: 's', name: 't', per_call: 1 }] }, ['LINT_COST_UNPRICED']],
  ['a price of some model', COST, { models: [{ provider: 'p', model: 'm', ...RATES }] }, []],
  ['a price of every model', COST, { default_model: RATES }, []],
  ['no prices, and only noted', { ...COST, action: 'log_only' }, undefined, []],
  ['no prices and no cost', { ...COST, config: { ...COST.config, kind: 'requests' } }, undefined, []],
])('a quota in a bundle with %s', (_name, policy, prices, codes) => {
  const files = {
    'bundle.yaml': {
      format: 'portcullis.policy/1',
      name: 'b',
      version: '1.0.0',
      ...(prices === undefined ? {} : { data: { prices: 'prices.json' } }),
      sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
    },
    'p/quota.json': { action: 'deny', enabled: true, ...policy },
    ...(prices === undefined ? {} : { 'prices.json': { currency: 'USD', ...prices } }),
  };
  const bytes = Object.entries(files).map(([name, value]) => [name, Buffer.from(JSON.stringify(value))] as const);
  const compiled = compileBundle(new Map(bytes));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  expect(lintBundle(compiled.value).findings.map(({ code }) => code)).toEqual(codes);
});
