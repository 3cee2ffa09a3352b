import type { PolicySource } from '../dsl/policy-head.js';
import { slugOf } from '../dsl/policy-head.js';
import type { Json, JsonObject } from '../model/request.js';
import { isJsonObject } from './json-object.js';
import type { Pack } from './pack.js';
import type { PackCategory } from './pack-shape.js';

/** A parameter, as people look it up. */
export interface ParameterDescription {
  readonly name: string;
  readonly description: string;
  /** The JSON Schema, without description and default. */
  readonly schema: JsonObject;
  /** Absent when a value must be given. */
  readonly default?: Json;
}

/** A policy of a pack, as its template says it: references such as `${limit}` stand as they are. */
export interface PackPolicyDescription {
  readonly slug: string;
  readonly name: string;
  readonly description?: string;
  /** `deny`, `allow` …; of a typed policy its action; a reference where a parameter says. */
  readonly effect: string;
  /** The type of a typed policy. */
  readonly type?: string;
  readonly priority?: Json;
  readonly on?: Json;
  /** The parameter without which it is left out. */
  readonly if_parameter?: string;
  /** The parameter with which it is left out. */
  readonly unless_parameter?: string;
  /** `framework clause`, its own or the pack's. */
  readonly frameworks: readonly string[];
}

/** A pack, as people look it up. */
export interface PackDescription {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  readonly category: PackCategory;
  readonly layer: string;
  readonly combining: string;
  readonly priority_order: string;
  readonly requires: { readonly [name: string]: string };
  readonly parameters: readonly ParameterDescription[];
  readonly policies: readonly PackPolicyDescription[];
}

/** Describes a pack. */
export function describePack(pack: Pack): PackDescription {
  const { name, version, title, description, category, layer, combining, priority_order } = pack.manifest;
  const frameworks = (pack.manifest.framework_mapping ?? []).map((one) => `${one.framework} ${one.clause}`);
  return {
    name,
    version,
    title,
    description,
    category,
    layer,
    combining,
    priority_order,
    requires: pack.manifest.requires ?? {},
    parameters: pack.parameters.names.map((parameter) => describeParameter(parameter, pack)),
    policies: pack.templates.map((template) => describePolicy(template, frameworks)),
  };
}

function describeParameter(name: string, { parameters }: Pack): ParameterDescription {
  const { description, default: fallback, ...schema } = parameters.schemas[name] as JsonObject;
  return {
    name,
    description: typeof description === 'string' ? description : '',
    schema,
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function describePolicy({ document }: PolicySource, inherited: readonly string[]): PackPolicyDescription {
  const written = isJsonObject(document) ? document : {};
  const text = (key: string): string | undefined => {
    const value = written[key];
    return typeof value === 'string' ? value : undefined;
  };
  const optional = <K extends 'description' | 'type' | 'if_parameter' | 'unless_parameter'>(key: K) => {
    const value = text(key);
    return value === undefined ? {} : { [key]: value };
  };
  const { priority, on, framework_mapping: own } = written;
  return {
    slug: templateSlug(document),
    name: text('name') ?? '',
    ...optional('description'),
    effect: effectOf(written),
    ...optional('type'),
    ...(priority === undefined ? {} : { priority }),
    ...(on === undefined ? {} : { on }),
    ...optional('if_parameter'),
    ...optional('unless_parameter'),
    frameworks: Array.isArray(own) ? (own as readonly Json[]).map(clauseText) : inherited,
  };
}

/** The slug of a policy that is still a template; '' when none can be told. */
export function templateSlug(document: Json): string {
  if (!isJsonObject(document)) return '';
  const { slug, name } = document;
  if (typeof slug === 'string') return slug;
  return typeof name === 'string' ? (slugOf(name) ?? '') : '';
}

function effectOf(written: JsonObject): string {
  const { effect, action } = written;
  if (typeof effect === 'string') return effect;
  if (isJsonObject(effect) && typeof effect['type'] === 'string') return effect['type'];
  return typeof action === 'string' ? action : '';
}

function clauseText(mapping: Json): string {
  if (!isJsonObject(mapping)) return '';
  const { framework, clause } = mapping;
  return typeof framework === 'string' && typeof clause === 'string' ? `${framework} ${clause}` : '';
}
