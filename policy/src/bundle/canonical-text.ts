import canonicalize from 'canonicalize';
import type { Json } from '../model/request.js';

/** Whether `text`, which parses to `value`, is the value's RFC 8785 canonical form. */
export function isCanonicalText(value: Json, text: string): boolean {
  // What JSON.stringify gives of sorted keys is the canonical form, and it is ten times faster to compare with.
  if (JSON.stringify(value) === text && hasSortedKeys(value) && text.isWellFormed()) return true;
  return canonicalize(value) === text;
}

/** Keys sorted by UTF-16 units, at every depth. */
function hasSortedKeys(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return (value as readonly Json[]).every(hasSortedKeys);
  let before: string | undefined;
  for (const [key, member] of Object.entries(value as { readonly [name: string]: Json })) {
    if (before !== undefined && before >= key) return false;
    if (!hasSortedKeys(member)) return false;
    before = key;
  }
  return true;
}
