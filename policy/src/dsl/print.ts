import { Document, parseDocument } from 'yaml';
import type { Checked, Json } from '../model/index.js';
import { layOut } from './layout.js';
import { parseSourceDocument } from './source-document.js';

const STYLE = {
  indent: 2,
  // Wider than what the layout puts on a line, so that only prose is broken.
  lineWidth: 128,
  flowCollectionPadding: true,
  singleQuote: null,
  blockQuote: true,
} as const;

/** A comment may settle in its place only when it is printed a second time. */
const MAX_ROUNDS = 5;

/**
 * A policy, or a list of policies, as canonical YAML with a line feed at the end. Reading it back gives an equal value;
 * equal values written with keys in another order print alike.
 */
export function printPolicy(document: Json): string {
  const written = new Document(document, { version: '1.2', schema: 'core', aliasDuplicateObjects: false });
  layOut(written);
  return written.toString(STYLE);
}

/**
 * The canonical spelling of a file of policies: `.json` stays JSON, everything else is YAML; comments stay.
 * Formatting what it returned changes nothing, and what a file says never changes.
 */
export function formatPolicyFile(file: string, bytes: Uint8Array): Checked<string> {
  const source = parseSourceDocument(file, bytes);
  if (!source.ok) return source;
  if (file.endsWith('.json')) {
    const ordered = new Document(source.value.value, { schema: 'core', aliasDuplicateObjects: false });
    layOut(ordered);
    return { ok: true, value: `${JSON.stringify(ordered.toJS(), null, 2)}\n` };
  }
  const text = new TextDecoder('utf-8').decode(bytes);
  const wanted = JSON.stringify(sorted(source.value.value));
  let current = text;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const document = parseDocument(current, { version: '1.2', schema: 'core', stringKeys: true, uniqueKeys: false });
    layOut(document);
    const next = document.toString(STYLE);
    if (next === current) return { ok: true, value: current };
    const again = parseSourceDocument(file, new TextEncoder().encode(next));
    // A comment in an odd place can trip the printer; a file that would say something else is left as it is.
    if (!again.ok || JSON.stringify(sorted(again.value.value)) !== wanted) break;
    current = next;
  }
  return { ok: true, value: text };
}

/** The value with the members of every object in one order. */
function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  const members = Object.entries(value as { readonly [name: string]: Json });
  return Object.fromEntries(
    members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, child]) => [key, sorted(child)]),
  );
}
