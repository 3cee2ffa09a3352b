/** The headers of a request that a gateway describes, by name in lower case and with every value by itself. */

import { Unclear } from './unclear.js';

/** One field of a header as a gateway writes it; values are bytes, which need not be UTF-8. */
export interface HeaderField {
  readonly key?: string;
  readonly value?: string | Uint8Array;
  readonly raw_value?: Uint8Array;
}

/** Headers by name. */
export type RequestHeaders = ReadonlyMap<string, readonly string[]>;

/** Reads a map in which values of one name were joined, or a list of fields, or both. */
export function readHeaders(
  joined: Readonly<Record<string, string>> | undefined,
  fields: readonly HeaderField[] | undefined,
): RequestHeaders {
  const headers = new Map<string, string[]>();
  const add = (name: string, value: string): void => {
    const lower = name.toLowerCase();
    const known = headers.get(lower);
    if (known === undefined) headers.set(lower, [value]);
    else known.push(value);
  };
  for (const [name, value] of Object.entries(joined ?? {})) add(name, value);
  for (const { key = '', value = '', raw_value: raw } of fields ?? []) {
    const bytes = raw === undefined || raw.byteLength === 0 ? value : raw;
    // Latin-1 keeps every byte apart; names that matter here are ASCII.
    add(key, typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1'));
  }
  return headers;
}

/** The only value of a header; `undefined` without one. @throws Unclear when there are several */
export function onlyValue(headers: RequestHeaders, name: string): string | undefined {
  const values = headers.get(name);
  if (values !== undefined && values.length > 1) throw new Unclear(`headers.${name}`, 'is there more than once');
  return values?.[0];
}
