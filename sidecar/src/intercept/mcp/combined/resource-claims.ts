/** What one server claims of resources: the URIs that it lists, and the templates that could make others. Bounded. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../message.js';
import { RESOURCE_URI } from '../names.js';

/** The claims of one server. */
export interface ResourceClaims {
  /** A page of a list of it. */
  add(method: ClaimMethod, result: JsonObject): void;
  /** Whether it claims a URI, or a template by its own text. Whoever has said more than is kept claims everything. */
  claims(uri: string): boolean;
  /** Characters that are kept. */
  readonly size: number;
}

/** The methods that list what is claimed, and the members of lists and elements that say it. */
const CLAIMS = {
  'resources/list': { member: 'resources', field: 'uri' },
  'resources/templates/list': { member: 'resourceTemplates', field: 'uriTemplate' },
} as const;
/** Such a method. */
export type ClaimMethod = keyof typeof CLAIMS;
/** All of them. */
export const CLAIM_METHODS = Object.keys(CLAIMS) as readonly ClaimMethod[];

/** Most that is kept of one server: URIs, templates, which are all looked through, and characters of both. */
const MAX_URIS = 20_000;
const MAX_TEMPLATES = 2_000;
const MAX_CHARACTERS = 4_194_304;

/** Whether a method lists what is claimed. */
export function isClaimMethod(method: string): method is ClaimMethod {
  return Object.hasOwn(CLAIMS, method);
}

/** None yet. */
export function createResourceClaims(): ResourceClaims {
  const uris = new Set<string>();
  const templates = new Map<string, Template>();
  let characters = 0;
  let isEverything = false;

  function claim(method: ClaimMethod, text: string): void {
    if (uris.has(text) || templates.has(text) || isEverything) return;
    characters += text.length;
    if (method === 'resources/list') uris.add(text);
    else templates.set(text, compiled(text));
    isEverything = uris.size > MAX_URIS || templates.size > MAX_TEMPLATES || characters > MAX_CHARACTERS;
    if (!isEverything) return;
    uris.clear();
    templates.clear();
  }

  return {
    get size() {
      return isEverything ? 0 : characters;
    },
    add(method, result) {
      const { member, field } = CLAIMS[method];
      const listed: Json | undefined = result[member];
      for (const element of Array.isArray(listed) ? listed : []) {
        const text = isObject(element) ? element[field] : undefined;
        if (typeof text === 'string') claim(method, text);
      }
    },
    claims(uri) {
      // Nobody can ask for it, so that it need not be looked for.
      if (!RESOURCE_URI.accepts(uri)) return false;
      return (
        isEverything || uris.has(uri) || templates.has(uri) || [...templates.values()].some((one) => makes(one, uri))
      );
    },
  };
}

/** What a template (RFC 6570) says beside its expressions. */
interface Template {
  readonly first: string;
  readonly inner: readonly string[];
  /** Nothing where it has no expression, and so makes itself alone. */
  readonly last: string | undefined;
}

function compiled(template: string): Template {
  const [first = '', ...others] = template.split(/\{[^{}]*\}/);
  const last = others.pop();
  return { first, inner: others.filter((literal) => literal !== ''), last };
}

/**
 * Whether a URI template could make the URI. What an expression makes is not looked at, so it says yes too
 * often: a doubt is a collision, which is refused, and never a route.
 */
export function couldMake(template: string, uri: string): boolean {
  return template === uri || makes(compiled(template), uri);
}

function makes({ first, inner, last }: Template, uri: string): boolean {
  if (last === undefined || uri.length < first.length + last.length) return false;
  if (!uri.startsWith(first) || !uri.endsWith(last)) return false;
  let at = first.length;
  for (const literal of inner) {
    const found = uri.indexOf(literal, at);
    if (found < 0 || found + literal.length > uri.length - last.length) return false;
    at = found + literal.length;
  }
  return true;
}
