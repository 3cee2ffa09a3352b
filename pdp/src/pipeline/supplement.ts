import type { ContextualRequest, Facts, JsonObject } from '@portcullis/policy/model';
import type { Supplement } from './ports.js';

/** The request with what one source adds. */
export function supplemented(
  request: ContextualRequest,
  { agent, tool, user, context, facts, unavailable: unknown }: Supplement,
): ContextualRequest {
  return {
    ...request,
    ...(agent === undefined ? {} : { agent: united(request.agent, agent) }),
    ...(tool === undefined ? {} : { tool: united(request.tool ?? {}, tool) }),
    ...(user === undefined || request.user === undefined ? {} : { user: united(request.user, user) }),
    ...(context === undefined ? {} : { context: united(request.context, context) }),
    ...(facts === undefined ? {} : { facts: factsOf(request.facts, facts) }),
    ...(unknown === undefined ? {} : { unavailable: [...(request.unavailable ?? []), ...unknown] }),
  };
}

/** Where an attempt would go is wherever somebody says. */
function factsOf(known: Facts | undefined, more: Facts): Facts {
  if (known?.sinks === undefined || more.sinks === undefined) return { ...known, ...more };
  return { ...known, ...more, sinks: [...new Set([...known.sinks, ...more.sinks])] };
}

/** What a source that does not answer adds: whatever reads one of these fields is an error. */
export function unavailable(fields: readonly string[]): Supplement {
  return { unavailable: fields };
}

function united<T extends { readonly attributes?: JsonObject }>(known: T, more: Partial<T>): T {
  const attributes = { ...known.attributes, ...more.attributes };
  return { ...known, ...more, ...(Object.keys(attributes).length === 0 ? {} : { attributes }) };
}
