import { z } from 'zod';
import { PortcullisError } from '../errors/portcullis-error.js';

/** One setting of a schema that can be named from outside. */
export interface SettingPath {
  /** `['bundles', 'pollMs']`. */
  readonly path: readonly string[];
  /** True when the setting is text, whose value is then taken as it stands. */
  readonly isText: boolean;
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextNode(node: Node): boolean {
  if (node['type'] === 'string') return true;
  if (typeof node['const'] === 'string') return true;
  const options = node['enum'];
  return Array.isArray(options) && options.every((option) => typeof option === 'string');
}

/**
 * Lists the settings of a schema, objects included (an object may be given whole), from its JSON Schema.
 * @throws PortcullisError `ERR_CONFIG_SCHEMA` when an object of the schema tolerates unknown keys.
 */
export function settingPaths(schema: z.ZodType): readonly SettingPath[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  const found: SettingPath[] = [];

  const visit = (node: unknown, path: readonly string[], named: boolean): void => {
    if (!isNode(node)) return;
    for (const group of ['anyOf', 'oneOf', 'allOf'] as const) {
      const branches = node[group];
      if (Array.isArray(branches)) for (const branch of branches) visit(branch, path, named);
    }
    visit(node['items'], [...path, '[]'], false);
    const properties = node['properties'];
    if (properties !== undefined && node['additionalProperties'] !== false) {
      throw new PortcullisError('ERR_CONFIG_SCHEMA', 'internal', 'configuration schema tolerates unknown keys', {
        details: { path: path.join('.') },
      });
    }
    if (!isNode(properties)) return;
    for (const [key, child] of Object.entries(properties)) {
      const childPath = [...path, key];
      if (named && isNode(child)) found.push({ path: childPath, isText: isTextNode(child) });
      visit(child, childPath, named);
    }
  };
  visit(root, [], true);
  return found;
}

/** `['cache', 'ttlMs']` of `pdp` is `PORTCULLIS_PDP_CACHE_TTL_MS`. */
export function environmentName(service: string, path: readonly string[]): string {
  const words = [service, ...path].map((part) =>
    part
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll(/[^A-Za-z0-9]+/g, '_')
      .toUpperCase(),
  );
  return ['PORTCULLIS', ...words].join('_');
}
