import { distributorConfig } from '@portcullis/distributor';
import { pdpConfig } from '@portcullis/pdp';
import { environmentName } from '@portcullis/runtime';
import { sidecarConfig } from '@portcullis/sidecar';
import { z } from 'zod';
import { code, codes, markdownPage, type Page, table } from './page.js';

type Schema = Readonly<Record<string, unknown>>;

/** One setting, as a row. */
interface Setting {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly range: string;
  readonly description: string;
  readonly variable: string;
}

const SERVICES = [
  { name: 'pdp', schema: pdpConfig, what: 'policy decision point', modes: '' },
  {
    name: 'sidecar',
    schema: sidecarConfig,
    what: 'sidecar',
    modes: ' With the mode `mcp` as its first argument it wraps the MCP server whose command comes after `--`.',
  },
  { name: 'distributor', schema: distributorConfig, what: 'distributor', modes: '' },
] as const satisfies readonly { name: string; schema: z.ZodType; what: string; modes: string }[];

/** `docs/reference/config-<service>.md` of every service, from its schema. */
export function configPages(): readonly Page[] {
  return SERVICES.map(({ name, schema, what, modes }) => {
    const settings = settingsOf(name, schema);
    const undescribed = settings.filter((setting) => setting.description === '').map(({ path }) => path);
    if (undescribed.length > 0) throw new Error(`settings of ${name} without .describe(): ${undescribed.join(', ')}`);
    return markdownPage(`docs/reference/config-${name}.md`, `Configuration of the ${what}`, [
      `What \`portcullis-${name}\` reads once, at its start.${modes} Precedence: flag (\`--set path=value\`), then environment ` +
        'variable, then file (`--config FILE`, YAML or JSON), then default. Unknown keys are refused at every level, all ' +
        'problems are printed at once, and the exit code is then 64, before any port is bound. `--check-config` only ' +
        'checks, `--print-config` prints the result without secrets.',
      '`[]` stands for every element of a list, `<name>` for every key of a map. Neither can be named in a variable: ' +
        'give the whole list or map there, as YAML or JSON. `--set` can name an element: `--set list.0.key=value`.',
      table(
        ['setting', 'type', 'default', 'range', 'meaning', 'environment variable'],
        settings.map((row) => [
          code(row.path),
          row.type,
          row.fallback,
          row.range,
          row.description,
          row.variable === '' ? '' : code(row.variable),
        ]),
      ),
    ]);
  });
}

function settingsOf(service: string, schema: z.ZodType): readonly Setting[] {
  const found: Setting[] = [];
  const visit = (node: Schema, path: readonly string[], note: string): void => {
    for (const branch of branchesOf(node)) {
      const kind = discriminatorOf(branch);
      visit(branch, path, kind === '' ? note : `with type ${code(kind)}: `);
    }
    const items = asSchema(node['items']);
    if (items !== undefined) visit(items, [...path.slice(0, -1), `${path.at(-1) ?? ''}[]`], note);
    const values = asSchema(node['additionalProperties']);
    if (values !== undefined) visit(values, [...path, '<name>'], note);
    const required = new Set(Array.isArray(node['required']) ? (node['required'] as string[]) : []);
    for (const [key, value] of Object.entries(asSchema(node['properties']) ?? {})) {
      const child = asSchema(value) ?? {};
      const at = [...path, key];
      const written = at.join('.');
      const nameable = !/\[\]|<name>/.test(written);
      found.push({
        path: written,
        type: typeOf(child),
        fallback: required.has(key) ? 'required' : defaultOf(child),
        range: rangeOf(child),
        description: descriptionOf(child, note),
        variable: nameable ? environmentName(service, at) : '',
      });
      visit(child, at, note);
    }
  };
  // The same view of the schema that the loader names settings by.
  visit(asSchema(z.toJSONSchema(schema, { io: 'input', reused: 'inline' })) ?? {}, [], '');
  return found;
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}

function branchesOf(node: Schema): readonly Schema[] {
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
  if (node['const'] !== undefined) return code(String(node['const']));
  const items = asSchema(node['items']);
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const branches = branchesOf(node);
  if (branches.length > 0) return [...new Set(branches.map(typeOf))].join(' or ');
  if (asSchema(node['additionalProperties']) !== undefined) return 'map';
  const format = typeof node['format'] === 'string' ? ` (${node['format']})` : '';
  return `${String(node['type'] ?? 'any')}${format}`;
}

function defaultOf(node: Schema): string {
  const value = node['default'];
  // An object's default only says that its members have theirs.
  if (value === undefined || (node['properties'] !== undefined && Object.keys(value as object).length === 0)) return '';
  return code(JSON.stringify(value));
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
    if (low !== undefined && high !== undefined) parts.push(`${low} to ${high}${unit}`);
    else if (low !== undefined) parts.push(`at least ${low}${unit}`);
    else if (high !== undefined) parts.push(`at most ${high}${unit}`);
  };
  bounds(node['minimum'], node['maximum'], '');
  bounds(node['minLength'], node['maxLength'], ' characters');
  bounds(node['minItems'], node['maxItems'], ' elements');
  if (typeof node['pattern'] === 'string') parts.push(code(node['pattern']));
  const items = asSchema(node['items']);
  if (items !== undefined && rangeOf(items) !== '') parts.push(`each ${rangeOf(items)}`);
  const names = asSchema(node['propertyNames']);
  if (names !== undefined && rangeOf(names) !== '') parts.push(`names ${rangeOf(names)}`);
  return parts.join('; ');
}
