/** What of a request is kept until its result came: enough to judge the result by, in a bounded size. */

import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';

/** Characters that are left of a text; the first of those that the whole fits with. What is longer chooses no answer. */
const TEXT_LENGTHS = [1_024, 64] as const;
/** No outline is larger, in characters of JSON. */
const MAX_LENGTH = 24 * 1024;

/**
 * Who and what the request is about, and its arguments with long texts cut. `undefined` when even so it is too large: then
 * nobody could tell whose words the result was asked for with.
 */
export function outlineOf(request: CanonicalRequest): CanonicalRequest | undefined {
  const { version, tenant_id, source, kind, agent, tool, egress, peer, request: inference, context } = request;
  const { timestamp, request_id } = context;
  const { attributes: _attributes, ...called } = tool ?? {};
  const outline: CanonicalRequest = {
    version,
    tenant_id,
    source,
    ...(kind === undefined ? {} : { kind }),
    agent: { id: agent.id },
    ...(tool === undefined ? {} : { tool: called }),
    ...(egress === undefined ? {} : { egress }),
    ...(peer === undefined ? {} : { peer }),
    ...(inference === undefined ? {} : { request: inference }),
    context: { timestamp, request_id },
  };
  for (const length of TEXT_LENGTHS) {
    const cut = shortened(outline as unknown as Json, length);
    if (JSON.stringify(cut).length <= MAX_LENGTH) return cut as unknown as CanonicalRequest;
  }
  return undefined;
}

function shortened(value: Json, length: number): Json {
  if (typeof value === 'string') return value.slice(0, length);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((element) => shortened(element, length));
  const members = Object.entries(value as JsonObject).map(
    ([name, member]) => [name, shortened(member, length)] as const,
  );
  return Object.fromEntries(members);
}
