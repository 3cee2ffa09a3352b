import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CanonicalRequest, ModelRequest } from '../model/request.js';
import { expectedBytes, expectedCost, expectedTokens } from './expected-use.js';
import { microsOfUnits, nanosOf, textOfMicros } from './money.js';
import { createPriceList } from './price-list.js';
import { type PriceTable, pricesShape } from './price-table.js';

const TABLE: PriceTable = {
  currency: 'USD',
  models: [
    { provider: 'openai', model: 'gpt-4o', input: '2.50', cached_input: '1.25', output: '10.00', per_request: '0.001' },
    { provider: 'openai', model: 'gpt-4o', valid_from: '2026-06-01T00:00:00Z', input: 3, output: 12 },
    { provider: 'local', model: 'tiny', input: '0.000001', output: '0.000001', max_output_tokens: 500 },
  ],
  tools: [{ server: 'search', name: 'web', per_call: '0.005' }],
};
const LIST = createPriceList(TABLE);
const MAY = Date.parse('2026-05-31T23:59:59Z');
const JUNE = Date.parse('2026-06-01T00:00:00Z');

function call(model: ModelRequest, timestamp = '2026-05-01T00:00:00Z'): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'llm_proxy',
    kind: 'inference',
    agent: { id: 'a' },
    request: { model: 'gpt-4o', model_provider: 'openai', ...model },
    context: { timestamp, request_id: 'r' },
  };
}

describe('money', () => {
  test('is what was written, and rounded as asked where that is finer than a millionth', () => {
    expect(nanosOf('1.000000001')).toBe(1_000_000_001n);
    expect(['1e3', '-1', '1.0000000001', '', '.5', 'NaN'].map(nanosOf)).toEqual(Array(6).fill(undefined));
    expect(microsOfUnits(1.1, 'down')).toBe(1_100_000);
    expect(microsOfUnits(0.0000001, 'up')).toBe(1);
    expect(microsOfUnits(0.0000001, 'down')).toBe(0);
    expect([Number.NaN, -1].map((amount) => microsOfUnits(amount, 'up'))).toEqual([undefined, undefined]);
    expect(microsOfUnits(Number.POSITIVE_INFINITY, 'up')).toBe(Number.MAX_SAFE_INTEGER);
    expect([0, 1, 1_250_000, 5_000_000].map(textOfMicros)).toEqual(['0', '0.000001', '1.25', '5']);
  });

  test('survives the way through currency units, whatever the amount', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (micros) => {
        const units = micros / 1_000_000;
        expect(microsOfUnits(units, 'up')).toBe(micros);
        expect(microsOfUnits(units, 'down')).toBe(micros);
        expect(Number(textOfMicros(micros))).toBe(units);
      }),
    );
  });
});

describe('a price list', () => {
  test('knows what tokens of each kind and the call itself cost', () => {
    // 1,000 x 2.50 + 400 x 1.25 + 10 x 10 per million, and 0.001 for the call: 0.0041.
    expect(LIST.modelAt('openai', 'gpt-4o', MAY)?.costOf({ input: 1_000, cached: 400, output: 10 })).toBe(4_100);
  });

  test('takes the last price that has begun, to the millisecond', () => {
    const cost = (at: number) => LIST.modelAt('openai', 'gpt-4o', at)?.costOf({ input: 1e6, cached: 0, output: 0 });
    expect([MAY, JUNE - 1, JUNE].map(cost)).toEqual([2_501_000, 2_501_000, 3_000_000]);
    const later = createPriceList({
      currency: 'USD',
      tools: [{ server: 's', name: 't', per_call: 1, valid_from: '2026-06-01T00:00:00Z' }],
    });
    expect([later.toolAt('s', 't', JUNE - 1), later.toolAt('s', 't', JUNE)]).toEqual([undefined, 1_000_000]);
  });

  test('does not guess a price, unless there is one for everything else', () => {
    expect(LIST.modelAt('openai', 'gpt-5', MAY)).toBeUndefined();
    expect(LIST.modelAt(undefined, 'gpt-4o', MAY)).toBeUndefined();
    expect(LIST.toolAt('search', 'images', MAY)).toBeUndefined();
    const open = createPriceList({ ...TABLE, default_model: { input: 1, output: 1 }, default_tool: { per_call: 2 } });
    expect(open.modelAt('x', 'y', MAY)?.costOf({ input: 1e6, cached: 0, output: 0 })).toBe(1_000_000);
    expect(open.toolAt('search', 'images', MAY)).toBe(2_000_000);
  });

  test('rounds a call up once, and never down', () => {
    expect(LIST.modelAt('local', 'tiny', MAY)?.costOf({ input: 1, cached: 0, output: 0 })).toBe(1);
    expect(LIST.modelAt('local', 'tiny', MAY)?.costOf({ input: 0, cached: 0, output: 0 })).toBe(0);
    expect(LIST.modelAt('openai', 'gpt-4o', MAY)?.costOf({ input: 1e300, cached: Number.NaN, output: 0 })).toBe(
      Number.MAX_SAFE_INTEGER,
    );
  });

  test('what was expected at most is never less than what the same tokens cost', () => {
    const count = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(count, count, count, fc.constantFrom(MAY, JUNE), (input, cached, output, at) => {
        const tariff = LIST.modelAt('openai', 'gpt-4o', at);
        const most = tariff?.atMost(input + cached + output, output) ?? 0;
        expect(most).toBeGreaterThanOrEqual(tariff?.costOf({ input, cached, output }) ?? Number.NaN);
      }),
    );
  });

  test('sums exactly: many calls cost what their whole numbers add up to', () => {
    const tariff = LIST.modelAt('openai', 'gpt-4o', JUNE);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 200 }), (calls) => {
        const total = calls.reduce((sum, input) => sum + (tariff?.costOf({ input, cached: 0, output: 0 }) ?? 0), 0);
        expect(total).toBe(calls.reduce((sum, input) => sum + 3 * input, 0));
      }),
    );
  });
});

describe('the expected use', () => {
  test('is what the request states, or its bytes and the longest answer', () => {
    expect(expectedTokens(call({ estimated_tokens: 70, max_tokens: 50, query: 'é' }), LIST)).toEqual({
      amount: 70,
      basis: 'stated',
    });
    expect(expectedTokens(call({ max_tokens: 50, query: 'é!' }), LIST)).toEqual({ amount: 53, basis: 'content' });
    expect(expectedTokens(call({ max_tokens: 50 }), undefined)).toEqual({ amount: 50, basis: 'stated' });
    const tiny = call({ model: 'tiny', model_provider: 'local', query: 'ab' });
    expect(expectedTokens(tiny, LIST)).toEqual({ amount: 502, basis: 'content' });
    expect(expectedTokens(call({ query: 'ab' }), LIST)).toEqual({ amount: null, basis: 'report' });
  });

  test('of money is an upper bound at the prices of the request', () => {
    // 20 tokens in the answer at 10, 50 at 2.50 per million, 0.001 for the call.
    const stated = call({ estimated_tokens: 70, max_tokens: 20 });
    expect(expectedCost(stated, LIST)).toEqual({ amount: 0.001325, basis: 'stated' });
    expect(expectedCost(call({ estimated_tokens: 1e6 }, '2026-07-01T00:00:00Z'), LIST)).toEqual({
      amount: 12,
      basis: 'stated',
    });
    const tool = { server: 'search', name: 'web' };
    const { request: _none, ...searching } = { ...call({}), kind: 'tool_call', tool } as const;
    expect(expectedCost(searching, LIST)).toEqual({ amount: 0.005, basis: 'price' });
    expect(expectedCost({ ...searching, tool: { server: 'files', name: 'read' } }, LIST)).toEqual({
      amount: null,
      basis: 'report',
    });
  });

  test.each([
    ['no price', call({ model: 'gpt-5', max_tokens: 5 }), /no price for the model "gpt-5" of "openai"/],
    ['no model', call({ model: '', model_provider: '', max_tokens: 5 }), /no price/],
    ['no bound', call({ query: 'tell me everything' }), /neither the request nor the price/],
    ['no moment', call({ model: 'gpt-5', max_tokens: 5 }, 'tomorrow'), /no price/],
  ])('of money is not known with %s', (_name, request, message) => {
    expect(expectedCost(request, LIST)).toEqual({ unknown: expect.stringMatching(message) });
    expect(expectedCost(request, undefined)).toEqual({ unknown: expect.stringMatching(/no price/) });
  });

  test('of bytes is what is sent', () => {
    const sent = { ...call({}), kind: 'tool_call', tool: { arguments: { a: 'é' } } } as const;
    expect(expectedBytes(sent)).toEqual({ amount: 10, basis: 'content' });
    expect(expectedBytes({ ...sent, egress: { bytes: 7 } })).toEqual({ amount: 7, basis: 'stated' });
    expect(expectedBytes(call({}))).toEqual({ amount: null, basis: 'report' });
  });
});

test.each<[string, unknown, string]>([
  ['no currency', {}, 'currency'],
  ['a currency in words', { currency: 'dollars' }, 'currency'],
  ['a negative price', { currency: 'USD', default_tool: { per_call: -1 } }, 'default_tool.per_call'],
  ['a price with an exponent', { currency: 'USD', default_tool: { per_call: 1e-10 } }, 'default_tool.per_call'],
  ['a price in words', { currency: 'USD', default_tool: { per_call: 'free' } }, 'default_tool.per_call'],
  ['half of a price', { currency: 'USD', default_model: { input: 1 } }, 'default_model.output'],
  [
    'a day that is none',
    { currency: 'USD', tools: [{ server: 's', name: 't', per_call: 1, valid_from: 'May' }] },
    'tools.0.valid_from',
  ],
])('a table with %s is refused, and it is said where', (_name, table, path) => {
  const checked = pricesShape().safeParse(table);
  expect(checked.error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
});
