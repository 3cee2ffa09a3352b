/** A price table, made ready to be asked: what does this cost, at this moment. Exact, and rounded up once per call. */

import { microsOfNanos, nanosOf } from './money.js';
import type { Decimal, ModelRates, PriceTable } from './price-table.js';

/** Tokens of one call, whole numbers. */
export interface TokenCounts {
  /** Those at the full price. */
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

/** What one model costs now. */
export interface ModelTariff {
  /** The longest answer; `undefined` when nobody said. */
  readonly maxOutputTokens: number | undefined;
  /** Millionths of the currency unit, rounded up; {@link Number.MAX_SAFE_INTEGER} at most. */
  costOf(tokens: TokenCounts): number;
  /** What a call of so many tokens costs at most, `output` of them at most in the answer. */
  atMost(total: number, output: number): number;
}

/** Prices by what they are asked for. */
export interface PriceList {
  readonly currency: string;
  /** @param at milliseconds since 1970. `undefined` when nobody said what it costs. */
  modelAt(provider: string | undefined, model: string | undefined, at: number): ModelTariff | undefined;
  /** Millionths of the currency unit; `undefined` when nobody said. */
  toolAt(server: string | undefined, name: string | undefined, at: number): number | undefined;
}

interface Dated<T> {
  readonly from: number;
  readonly value: T;
}

const TOKENS_PER_PRICE = 1_000_000n;

/** Reads a table that was checked. */
export function createPriceList(table: PriceTable): PriceList {
  const models = new Map<string, Dated<ModelTariff>[]>();
  const tools = new Map<string, Dated<number>[]>();
  for (const { provider, model, valid_from: from, ...rates } of table.models ?? []) {
    add(models, JSON.stringify([provider, model]), from, tariffOf(rates));
  }
  for (const { server, name, valid_from: from, per_call } of table.tools ?? []) {
    add(tools, JSON.stringify([server, name]), from, micros(per_call));
  }
  const anyModel = table.default_model === undefined ? undefined : tariffOf(table.default_model);
  const anyTool = table.default_tool === undefined ? undefined : micros(table.default_tool.per_call);
  return {
    currency: table.currency,
    modelAt: (provider, model, at) => current(models.get(JSON.stringify([provider, model])), at) ?? anyModel,
    toolAt: (server, name, at) => current(tools.get(JSON.stringify([server, name])), at) ?? anyTool,
  };
}

function add<T>(prices: Map<string, Dated<T>[]>, key: string, from: string | undefined, value: T): void {
  const known = prices.get(key) ?? [];
  known.push({ from: from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from), value });
  prices.set(key, known);
}

/** The last that has begun. */
function current<T>(prices: readonly Dated<T>[] | undefined, at: number): T | undefined {
  let found: Dated<T> | undefined;
  for (const one of prices ?? []) if (one.from <= at && (found === undefined || one.from > found.from)) found = one;
  return found?.value;
}

function tariffOf(rates: ModelRates): ModelTariff {
  const input = nanos(rates.input);
  const output = nanos(rates.output);
  const cached = rates.cached_input === undefined ? input : nanos(rates.cached_input);
  const call = nanos(rates.per_request ?? 0) * TOKENS_PER_PRICE;
  const dearInput = larger(input, cached);
  const sum = (parts: readonly (readonly [count: number, price: bigint])[]): number => {
    let total = call;
    for (const [count, price] of parts) total += whole(count) * price;
    return bounded(microsOfNanos((total + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE));
  };
  return {
    maxOutputTokens: rates.max_output_tokens,
    costOf: (tokens) =>
      sum([
        [tokens.input, input],
        [tokens.cached, cached],
        [tokens.output, output],
      ]),
    atMost: (total, answer) => {
      const inAnswer = Math.min(total, answer);
      return sum([
        [total - inAnswer, dearInput],
        [inAnswer, larger(output, dearInput)],
      ]);
    },
  };
}

/** `Math.max` does not take such numbers. */
function larger(one: bigint, other: bigint): bigint {
  return [one, other].toSorted((a, b) => (a < b ? 1 : -1))[0] ?? one;
}

/** What is no count, or more than anything can be, is the most that there is. */
function whole(count: number): bigint {
  return BigInt(count >= 0 && count < Number.MAX_SAFE_INTEGER ? Math.ceil(count) : Number.MAX_SAFE_INTEGER);
}

function nanos(price: Decimal): bigint {
  const found = nanosOf(String(price));
  if (found === undefined) throw new TypeError('the price is not a decimal');
  return found;
}

function micros(price: Decimal): number {
  return bounded(microsOfNanos(nanos(price)));
}

function bounded(amount: bigint): number {
  return amount > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(amount);
}
