import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';

/** Paths that a request cannot do without. */
const NEEDED: ReadonlySet<string> = new Set([
  'version',
  'tenant_id',
  'source',
  'kind',
  'agent',
  'agent.id',
  'context',
  'context.timestamp',
  'context.request_id',
]);

/** Takes out of a request whatever it can do without, one member after the other. */
export function smallestWitness(
  request: ContextualRequest,
  stillShows: (request: ContextualRequest) => boolean,
): ContextualRequest {
  let smallest = request as unknown as JsonObject;
  for (const path of pathsOf(smallest, [])) {
    if (NEEDED.has(path.join('.'))) continue;
    const without = remove(smallest, path);
    if (without !== undefined && stillShows(without as unknown as ContextualRequest)) smallest = without;
  }
  return smallest as unknown as ContextualRequest;
}

/** The paths of all members, outer ones first: what can go as a whole is tried as a whole. */
function pathsOf(value: JsonObject, above: readonly string[]): readonly (readonly string[])[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...above, name];
    return isObject(member) ? [path, ...pathsOf(member, path)] : [path];
  });
}

function remove(value: JsonObject, [name = '', ...rest]: readonly string[]): JsonObject | undefined {
  if (!Object.hasOwn(value, name)) return undefined;
  if (rest.length === 0) {
    const { [name]: _removed, ...others } = value;
    return others;
  }
  const member = value[name];
  const inner = isObject(member) ? remove(member, rest) : undefined;
  return inner === undefined ? undefined : { ...value, [name]: inner };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
