/** What a request will use at most, as far as that can be told before it is carried out. */

import type { GuardBasis } from '../model/decision.js';
import type { CanonicalRequest, Json } from '../model/request.js';
import { MICROS_PER_UNIT } from './money.js';
import type { ModelTariff, PriceList } from './price-list.js';

/** What a quota expects of one request. */
export type ExpectedUse =
  /** `amount` in units of the quota's kind; `null` when only the call itself will tell. */
  | { readonly amount: number | null; readonly basis: GuardBasis }
  /** It will use something, and nobody can say how much that may be. */
  | { readonly unknown: string };

/**
 * A token stands for one byte of UTF-8 at least: the vocabularies of byte-pair encodings consist of strings of bytes. So a text has no
 * more tokens than bytes; English prose has about a quarter of that. Sennrich, Haddow, Birch: Neural Machine Translation of
 * Rare Words with Subword Units (2016); byte-level: Radford et al., Language Models are Unsupervised Multitask Learners (2019), 2.2.
 */
export const BYTES_PER_TOKEN = 1;

interface TokenBound {
  /** All tokens of the call. */
  readonly total: number;
  /** Of these in the answer. */
  readonly output: number;
  readonly basis: GuardBasis;
}

/** What the request says it needs; or else its content and the longest answer. `undefined` when the answer has no bound. */
function tokenBound({ request = {} }: CanonicalRequest, tariff: ModelTariff | undefined): TokenBound | undefined {
  const { estimated_tokens: stated, max_tokens: limit, query } = request;
  if (stated !== undefined) return { total: stated, output: Math.min(stated, limit ?? stated), basis: 'stated' };
  const output = limit ?? tariff?.maxOutputTokens;
  if (output === undefined) return undefined;
  const input = query === undefined ? 0 : Math.ceil(utf8Bytes(query) / BYTES_PER_TOKEN);
  return { total: input + output, output, basis: query === undefined ? 'stated' : 'content' };
}

/** Tokens of a request; what bounds nothing is only told by the call. */
export function expectedTokens(request: CanonicalRequest, prices: PriceList | undefined): ExpectedUse {
  const bound = tokenBound(request, tariffFor(request, prices));
  return bound === undefined ? UNTOLD : { amount: bound.total, basis: bound.basis };
}

/** Bytes that the request sends; what comes back is told by the call. */
export function expectedBytes({ egress, tool }: CanonicalRequest): ExpectedUse {
  if (egress?.bytes !== undefined) return { amount: egress.bytes, basis: 'stated' };
  return tool?.arguments === undefined ? UNTOLD : { amount: jsonBytes(tool.arguments), basis: 'content' };
}

/** Currency units. A model call without a price, or without a bound, cannot be within any budget. */
export function expectedCost(request: CanonicalRequest, prices: PriceList | undefined): ExpectedUse {
  if (request.kind !== 'inference') {
    const { server, name } = request.tool ?? {};
    const price = request.kind === 'tool_call' ? prices?.toolAt(server, name, instantOf(request)) : undefined;
    return price === undefined ? UNTOLD : { amount: price / MICROS_PER_UNIT, basis: 'price' };
  }
  const { model = '', model_provider: provider = '' } = request.request ?? {};
  const tariff = tariffFor(request, prices);
  if (tariff === undefined) return { unknown: `the bundle has no price for the model "${model}" of "${provider}"` };
  const bound = tokenBound(request, tariff);
  if (bound === undefined) {
    return { unknown: `neither the request nor the price of the model "${model}" limits the tokens of the answer` };
  }
  return { amount: tariff.atMost(bound.total, bound.output) / MICROS_PER_UNIT, basis: bound.basis };
}

const UNTOLD: ExpectedUse = { amount: null, basis: 'report' };

function tariffFor(request: CanonicalRequest, prices: PriceList | undefined): ModelTariff | undefined {
  const { model, model_provider: provider } = request.request ?? {};
  return prices?.modelAt(provider, model, instantOf(request));
}

/** A moment that cannot be read is before every price. */
function instantOf({ context }: CanonicalRequest): number {
  const at = Date.parse(context.timestamp);
  return Number.isNaN(at) ? Number.NEGATIVE_INFINITY : at;
}

const encoder = new TextEncoder();

function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

function jsonBytes(value: Json): number {
  return utf8Bytes(JSON.stringify(value));
}
