import { code, codes } from './page.js';

/** A JSON Schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** One named value of a document, as the cells of a table. */
export interface SchemaRow {
  /** `[]` for every element of a list, `<name>` for every key of a map. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly type: string;
  /** The default, or that there must be a value; empty when it may be absent. */
  readonly fallback: string;
  readonly range: string;
  /** The schema's own text; empty when it has none. */
  readonly description: string;
}

/** Every named value of a document, parents before children. */
export function schemaRows(root: unknown): readonly SchemaRow[] {
  const found: SchemaRow[] = [];
  const visit = (node: Schema, segments: readonly string[], note: string): void => {
    for (const branch of branchesOf(node)) {
      const kind = discriminatorOf(branch);
      visit(branch, segments, kind === '' ? note : `With type ${code(kind)}: `);
    }
    const items = asSchema(node['items']);
    if (items !== undefined) visit(items, [...segments.slice(0, -1), `${segments.at(-1) ?? ''}[]`], note);
    const values = asSchema(node['additionalProperties']);
    if (values !== undefined) visit(values, [...segments, '<name>'], note);
    const required = new Set(Array.isArray(node['required']) ? (node['required'] as string[]) : []);
    for (const [key, value] of Object.entries(asSchema(node['properties']) ?? {})) {
      const child = asSchema(value) ?? {};
      const at = [...segments, key];
      found.push({
        path: at.join('.'),
        segments: at,
        type: typeOf(child),
        fallback: required.has(key) ? 'required' : defaultOf(child),
        range: rangeOf(child),
        description: descriptionOf(child, note),
      });
      visit(child, at, note);
    }
  };
  visit(asSchema(root) ?? {}, [], '');
  return found;
}

/** An object that may be a schema. */
export function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}

/** The alternatives of a union; none when it is not one. */
export function branchesOf(node: Schema): readonly Schema[] {
  const branches = (node['anyOf'] ?? node['oneOf'] ?? node['allOf']) as readonly unknown[] | undefined;
  return (branches ?? []).map(asSchema).filter((branch) => branch !== undefined);
}

/** The constant of the property `type`, which tells the branches of our unions apart. */
function discriminatorOf(branch: Schema): string {
  const constant = asSchema(asSchema(branch['properties'])?.['type'])?.['const'];
  return typeof constant === 'string' ? constant : '';
}

function typeOf(node: Schema): string {
  const options = node['enum'];
  if (Array.isArray(options)) return codes(options.map(String));
  if (node['const'] !== undefined) return code(textOf(node['const']));
  const items = asSchema(node['items']);
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const branches = branchesOf(node);
  if (branches.length > 0) return [...new Set(branches.map(typeOf))].join(' or ');
  const values = asSchema(node['additionalProperties']);
  if (values !== undefined) return `map of ${typeOf(values)}`;
  const format = typeof node['format'] === 'string' ? ` (${node['format']})` : '';
  return `${textOf(node['type'] ?? 'any')}${format}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function defaultOf(node: Schema): string {
  const value = node['default'];
  // An object's default only says that its members have theirs.
  return value === undefined || asSchema(value) !== undefined ? '' : code(JSON.stringify(value));
}

function descriptionOf(node: Schema, note: string): string {
  const text = typeof node['description'] === 'string' ? node['description'].trim() : '';
  if (text === '') return '';
  return `${note}${text}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function rangeOf(node: Schema): string {
  const parts: string[] = [];
  const bounds = (from: unknown, to: unknown, unit: string): void => {
    const low = typeof from === 'number' && from > Number.MIN_SAFE_INTEGER ? from : undefined;
    const high = typeof to === 'number' && to < Number.MAX_SAFE_INTEGER ? to : undefined;
    if (low === 1 && high === undefined && unit !== '') parts.push('not empty');
    else if (low !== undefined && high !== undefined) parts.push(`${low} to ${high}${unit}`);
    else if (low !== undefined) parts.push(`at least ${low}${unit}`);
    else if (high !== undefined) parts.push(`at most ${high}${unit}`);
  };
  bounds(node['minimum'], node['maximum'], '');
  bounds(node['minLength'], node['maxLength'], ' characters');
  bounds(node['minItems'], node['maxItems'], ' elements');
  if (typeof node['pattern'] === 'string') parts.push(code(node['pattern']));
  const items = asSchema(node['items']);
  const each = items === undefined ? '' : rangeOf(items);
  if (each !== '') parts.push(`each ${each}`);
  const names = asSchema(node['propertyNames']);
  const keys = names === undefined ? '' : rangeOf(names);
  if (keys !== '') parts.push(`names ${keys}`);
  return parts.join('; ');
}
