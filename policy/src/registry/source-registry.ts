import type { z } from 'zod';
import type { CustomField, CustomFields } from '../dsl/custom-fields.js';
import { type Excerpt, excerptOf, type Findings } from '../dsl/findings.js';
import { reportShape } from '../dsl/shape-problems.js';
import { childPath, parseSourceDocument } from '../dsl/source-document.js';
import { joinSegments } from '../model/field-path.js';
import type { Json, JsonObject } from '../model/request.js';
import { modelPriceKey, type PriceTable, pricesShape, toolPriceKey } from '../prices/price-table.js';
import {
  type AgentsDocument,
  agentKey,
  agentsShape,
  type RegistryDocument,
  type ToolsDocument,
  toolKey,
  toolsShape,
} from './registry-shape.js';

/** Where the documents are: names of files of the source folder. */
export interface RegistryFiles {
  readonly agents?: string | undefined;
  readonly tools?: string | undefined;
  readonly prices?: string | undefined;
}

/** What reading needs. */
export interface RegistryPlace {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** `bundle.yaml`, whose key `data` names the files. */
  readonly where: Excerpt;
  /** What the bundle declares; the registry's values must be of these types. */
  readonly fields: CustomFields;
  readonly findings: Findings;
}

/** Reads the documents and checks what their schemas cannot. Nothing when the bundle has none, or none that is usable. */
export function readSourceRegistry(
  named: RegistryFiles | undefined,
  place: RegistryPlace,
): RegistryDocument | undefined {
  if (named === undefined) return undefined;
  const agents = readDocument<AgentsDocument>(named.agents, 'agents', agentsShape(), place);
  const tools = readDocument<ToolsDocument>(named.tools, 'tools', toolsShape(), place);
  const prices = readDocument<PriceTable>(named.prices, 'prices', pricesShape(), place);
  if (agents !== undefined) {
    const { where, value } = agents;
    checkTwins(
      value.agents.map(({ tenant, id }) => agentKey(tenant, id)),
      'agents',
      where,
      place,
    );
    checkTypes(value.agents, 'agents', 'agent', where, place);
  }
  if (tools !== undefined) {
    const { where, value } = tools;
    checkTwins(
      value.tools.map(({ tenant, server, name }) => toolKey(tenant, server, name)),
      'tools',
      where,
      place,
    );
    checkTypes(value.tools, 'tools', 'tool', where, place);
  }
  if (prices !== undefined) {
    const { where, value } = prices;
    checkTwins((value.models ?? []).map(modelPriceKey), 'models', where, place);
    checkTwins((value.tools ?? []).map(toolPriceKey), 'tools', where, place);
  }
  if (agents === undefined && tools === undefined && prices === undefined) return undefined;
  return {
    ...(agents === undefined ? {} : { agents: agents.value }),
    ...(tools === undefined ? {} : { tools: tools.value }),
    ...(prices === undefined ? {} : { prices: prices.value }),
  };
}

function readDocument<T>(
  name: string | undefined,
  what: 'agents' | 'tools' | 'prices',
  shape: z.ZodType & { readonly shape: object },
  { files, where, findings }: RegistryPlace,
): { readonly where: Excerpt; readonly value: T } | undefined {
  if (name === undefined) return undefined;
  const bytes = files.get(name);
  if (bytes === undefined) {
    findings.add(where, childPath('data', what), 'ERR_BUNDLE_LAYOUT', `there is no file "${name}" in the bundle`);
    return undefined;
  }
  const parsed = parseSourceDocument(name, bytes);
  if (!parsed.ok) {
    findings.addAll(parsed.problems);
    return undefined;
  }
  const excerpt = excerptOf(parsed.value, '');
  const checked = shape.safeParse(parsed.value.value);
  if (checked.success) return { where: excerpt, value: checked.data as T };
  reportShape(checked.error, { where: excerpt, findings, known: Object.keys(shape.shape) });
  return undefined;
}

function checkTwins(keys: readonly string[], list: string, where: Excerpt, { findings }: RegistryPlace): void {
  const first = new Map<string, number>();
  for (const [index, key] of keys.entries()) {
    const twin = first.get(key);
    if (twin === undefined) first.set(key, index);
    else {
      const message = `is listed already, as ${childPath(list, twin)}`;
      findings.add(where, childPath(list, index), 'ERR_BUNDLE_LAYOUT', `${childPath(list, index)} ${message}`);
    }
  }
}

/** Attributes that the bundle declares must be what they are declared as, or every rule that reads them would err. */
function checkTypes(
  entries: readonly { readonly attributes?: JsonObject }[],
  list: string,
  subject: string,
  where: Excerpt,
  { fields, findings }: RegistryPlace,
): void {
  for (const [index, { attributes = {} }] of entries.entries()) {
    for (const [name, value] of Object.entries(attributes)) {
      const field = fields[joinSegments([subject, 'attributes', name])];
      if (field === undefined || isOf(field, value)) continue;
      const at = childPath(childPath(childPath(list, index), 'attributes'), name);
      findings.add(where, at, 'ERR_POLICY_VALUE_INVALID', `${at} is declared as ${field.type} and is not one`);
    }
  }
}

function isOf({ type, members }: CustomField, value: Json): boolean {
  const isMember = (one: Json): boolean => typeof one === 'string' && (members === undefined || members.includes(one));
  switch (type) {
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'string_list':
      return Array.isArray(value) && value.every(isMember);
    case 'number_list':
      return Array.isArray(value) && value.every((one) => typeof one === 'number');
    case 'string':
      return isMember(value);
    case 'datetime':
    case 'ip':
      return typeof value === 'string';
  }
}
