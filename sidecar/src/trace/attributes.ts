/**
 * What a span says of an attempt: names, never arguments or content. OpenTelemetry semantic conventions for generative AI and
 * MCP (v1.41.1, development), and `portcullis.*` for what they have no name for.
 */

import { type CanonicalRequest, kindOf } from '@portcullis/policy/model';

/** A span's attributes. */
export type SpanAttributes = Record<string, string | number | boolean>;

/** The name of an attempt's span: what is done, and to what. */
export function spanName(request: CanonicalRequest): string {
  const { tool, egress, request: model } = request;
  const done = tool?.operation ?? model?.action ?? egress?.method ?? kindOf(request);
  const to = namesTool(request) ? tool?.name : (model?.model ?? egress?.host);
  return to === undefined ? done : `${done} ${to}`;
}

/** Its attributes. */
export function attemptAttributes(request: CanonicalRequest): SpanAttributes {
  const { source, agent, context, tool, egress, peer, request: model } = request;
  const isMcp = source === 'mcp_proxy';
  const isCall = isMcp && tool?.operation === 'tools/call';
  return given({
    'portcullis.source': source,
    'portcullis.kind': kindOf(request),
    'portcullis.request_id': context.request_id,
    'portcullis.peer': peer?.agent_id,
    'portcullis.peer.skill': peer?.skill,
    'portcullis.server': tool?.server,
    'gen_ai.agent.id': agent.id,
    'gen_ai.operation.name': isCall ? 'execute_tool' : model?.action,
    'gen_ai.tool.name': namesTool(request) && source !== 'a2a_proxy' ? tool?.name : undefined,
    'gen_ai.provider.name': model?.model_provider,
    'gen_ai.request.model': model?.model,
    'gen_ai.request.max_tokens': model?.max_tokens,
    'mcp.method.name': isMcp ? tool?.operation : undefined,
    'rpc.method': source === 'a2a_proxy' ? tool?.operation : undefined,
    'server.address': egress?.host,
    'server.port': egress?.port,
    'http.request.method': egress?.method,
  });
}

/** What is named by an address may say too much; a tool, a prompt or a skill is named by a word. */
function namesTool(request: CanonicalRequest): boolean {
  const kind = kindOf(request);
  return kind === 'tool_call' || kind === 'prompt' || kind === 'a2a';
}

function given(values: Record<string, string | number | boolean | undefined>): SpanAttributes {
  const attributes: SpanAttributes = {};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) attributes[name] = value;
  return attributes;
}
