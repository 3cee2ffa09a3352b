/** `data.prices` of a bundle: what calls cost. */

import { z } from 'zod';
import { nanosOf } from './money.js';

/** A decimal: a text, or a number that is written without an exponent. */
export type Decimal = string | number;

/** What one model costs; prices of tokens are for a million of them. */
export interface ModelRates {
  readonly input: Decimal;
  readonly output: Decimal;
  /** Of tokens that were read from the provider's cache; as `input` when absent. */
  readonly cached_input?: Decimal;
  /** Of the call itself. */
  readonly per_request?: Decimal;
  /** The longest answer, for requests that do not limit theirs. */
  readonly max_output_tokens?: number;
}

/** The price of one model from some moment on. */
export interface ModelPrice extends ModelRates {
  readonly provider: string;
  readonly model: string;
  /** RFC 3339; always, when absent. The last that has begun counts. */
  readonly valid_from?: string;
}

/** The price of one tool from some moment on. */
export interface ToolPrice {
  readonly server: string;
  readonly name: string;
  readonly per_call: Decimal;
  readonly valid_from?: string;
}

/** What calls cost. */
export interface PriceTable {
  /** ISO 4217. */
  readonly currency: string;
  readonly models?: readonly ModelPrice[];
  readonly tools?: readonly ToolPrice[];
  /** For models that are not listed; without it their cost is not known. */
  readonly default_model?: ModelRates;
  /** For tools that are not listed; without it only a report of their cost counts. */
  readonly default_tool?: { readonly per_call: Decimal };
}

/** Entries of one list. */
const MAX_ENTRIES = 2_000;
const MAX_OUTPUT_TOKENS = 100_000_000;
/** Of a million tokens, or of a call, in currency units. */
const MAX_PRICE = 1_000_000;

/** The schema of `data.prices`. */
export function pricesShape(): ReturnType<typeof buildPricesShape> {
  return buildPricesShape();
}

// Built at each call, so that importing this file costs nothing.
function buildPricesShape() {
  const price = () =>
    z
      .union([z.string(), z.number()])
      .refine((value) => (nanosOf(String(value)) ?? -1n) >= 0n && Number(value) <= MAX_PRICE, {
        message: `expected a decimal from 0 to ${MAX_PRICE} with at most nine decimals, such as "2.50"`,
      });
  const name = () => z.string().min(1).max(512);
  const validFrom = () => z.iso.datetime({ offset: true }).exactOptional();
  const rates = {
    input: price(),
    output: price(),
    cached_input: price().exactOptional(),
    per_request: price().exactOptional(),
    max_output_tokens: z.int().min(1).max(MAX_OUTPUT_TOKENS).exactOptional(),
  };
  return z.strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/, 'expected the code of a currency, such as USD'),
    models: z
      .array(z.strictObject({ provider: name(), model: name(), valid_from: validFrom(), ...rates }))
      .max(MAX_ENTRIES)
      .exactOptional(),
    tools: z
      .array(z.strictObject({ server: name(), name: name(), per_call: price(), valid_from: validFrom() }))
      .max(MAX_ENTRIES)
      .exactOptional(),
    default_model: z.strictObject(rates).exactOptional(),
    default_tool: z.strictObject({ per_call: price() }).exactOptional(),
  });
}

/** What no two prices of models share; instants that are written differently are one. */
export function modelPriceKey({ provider, model, valid_from: from }: ModelPrice): string {
  return JSON.stringify([provider, model, from === undefined ? null : Date.parse(from)]);
}

/** What no two prices of tools share. */
export function toolPriceKey({ server, name, valid_from: from }: ToolPrice): string {
  return JSON.stringify([server, name, from === undefined ? null : Date.parse(from)]);
}
