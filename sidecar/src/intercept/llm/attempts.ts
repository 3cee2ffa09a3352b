/** From what an agent asks of a model, and what a model proposes, to the attempts that are asked about (ADR-0026). */

import { hash } from 'node:crypto';
import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';
import { jsonDigestHex } from '@portcullis/proto';
import { parseStrictJson } from '@portcullis/runtime';
import type { Behalf } from '../../behalf/behalf.js';
import type { Attempt } from '../../enforce/guard.js';
import type { RequestMaker } from '../canonical-request.js';
import type { ServedModel } from './catalogue.js';
import type { LlmConfig } from './config.js';
import { contentOf } from './content.js';
import type { Asked, Endpoint, OfferedTool, ProposedCall } from './endpoint.js';
import { isObject } from './json-values.js';
import type { Route } from './routes.js';

/** What its answer is read with: nothing of what a request says, which may be large, and streams last for hours. */
export interface Underway {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly served: ServedModel;
  /** Where it goes. */
  readonly url: string;
  readonly asked: Omit<Asked, 'content'>;
  readonly behalf: Behalf;
  /** Whether the agent asked for the usage at the end of the stream. */
  readonly wantsUsage: boolean;
}

/** A request that is ready to be asked about. */
export interface Inference extends Underway {
  readonly asked: Asked;
  /** What is forwarded. */
  readonly body: JsonObject;
  /** The agent's headers that change what the provider does. */
  readonly headers: Readonly<Record<string, string>>;
  /** The headers that are forwarded. */
  readonly forwarded: Readonly<Record<string, string>>;
}

/** What is left of a request once it is sent. */
export function underway(inference: Inference): Underway {
  const { route, endpoint, served, url, behalf, wantsUsage } = inference;
  const { content: _content, ...asked } = inference.asked;
  return { route, endpoint, served, url, asked, behalf, wantsUsage };
}

/** What a call means that is not asked about. */
export interface NoCall {
  readonly refused: string;
}

/** Who carries out a call: the agent itself, the agent through the MCP proxy, or the provider while it answers. */
export type CarriedOut = 'agent' | 'mcp' | 'provider';

/** Makes attempts. */
export interface LlmAttempts {
  /** The request; {@link Attempt.request}'s `tool.attributes.body_sha256` covers every byte of the payload. */
  inference(inference: Inference): Attempt & { readonly inputTokens: number };
  /** What a model answered, for policies that read it. */
  completion(inference: Underway, output: string): Attempt;
  /** A tool that the provider would use while it answers. */
  hosted(inference: Inference, tool: OfferedTool): Attempt;
  /** A call that a model proposes, unless its arguments cannot be read in one way only. */
  proposed(inference: Underway, call: ProposedCall): Attempt | NoCall;
  /** Whether a model may be used, for the list of them; nothing is carried out. */
  listed(route: Route, served: ServedModel, url: string, behalf: Behalf): Attempt;
}

/** What it needs. */
export interface LlmAttemptsOptions {
  readonly requestOf: RequestMaker;
  readonly estimate: LlmConfig['estimate'];
  readonly tools: Pick<LlmConfig['tools'], 'server' | 'namespaces'>;
}

const CALL_NAME = /^[\x21-\x7e]{1,256}$/;
const MAX_ARGUMENT_BYTES = 4_194_304;

/** The upstream that a permit is good for: one endpoint of one provider. */
export function upstreamName(provider: string, path: string): string {
  return `${provider} ${path}`;
}

/** Makes attempts for one agent. */
export function createLlmAttempts({ requestOf, estimate, tools }: LlmAttemptsOptions): LlmAttempts {
  const namespaces = [...tools.namespaces].sort((one, other) => other.prefix.length - one.prefix.length);

  const attempt = (inference: Underway, request: CanonicalRequest, payload: string | undefined): Attempt => ({
    request,
    server: upstreamName(inference.served.provider.name, inference.route.path),
    direction: 'client_to_server',
    payload,
  });
  const modelOf = ({ served, url }: Pick<Inference, 'served' | 'url'>) => ({
    model: served.model,
    model_provider: served.provider.name,
    model_endpoint: url,
  });

  return {
    inference(inference) {
      const { endpoint, served, asked, body, headers } = inference;
      const payload = JSON.stringify(body);
      const content = contentOf(asked.content);
      const textBytes = Math.max(0, Buffer.byteLength(payload) - content.mediaBytes);
      const inputTokens = Math.ceil(textBytes / estimate.bytesPerToken) + content.media * estimate.tokensPerMedia;
      const outputTokens = endpoint.action === 'chat' ? (asked.maxTokens ?? estimate.outputTokens) : 0;
      const names = (by: OfferedTool['by']) => asked.tools.filter((tool) => tool.by === by).map(({ name }) => name);
      const hosted = names('provider');
      const request = requestOf({
        behalf: inference.behalf,
        kind: 'inference',
        tool: {
          server: served.provider.name,
          operation: endpoint.operation,
          attributes: {
            body_sha256: hash('sha256', payload, 'hex'),
            ...(served.exposed === served.model ? {} : { model_alias: served.exposed }),
            ...(Object.keys(headers).length === 0 ? {} : { headers }),
            ...(Object.keys(asked.params).length === 0 ? {} : { params: asked.params }),
            ...(asked.tools.length === 0 ? {} : { tools: names('agent'), definitions: definitionsOf(asked.tools) }),
            ...(hosted.length === 0 ? {} : { hosted_tools: hosted }),
            ...(content.media === 0 ? {} : { media: content.media }),
            ...(content.urls.length === 0 ? {} : { urls: content.urls }),
          },
        },
        request: {
          action: endpoint.action,
          ...modelOf(inference),
          estimated_tokens: endpoint.action === 'count_tokens' ? 0 : inputTokens + outputTokens,
          ...(asked.maxTokens === undefined ? {} : { max_tokens: asked.maxTokens }),
          stream: asked.stream,
          query: content.query,
        },
      });
      return { ...attempt(inference, request, payload), inputTokens };
    },
    completion(inference, output) {
      const { endpoint, served, asked } = inference;
      const request = requestOf({
        behalf: inference.behalf,
        kind: 'inference',
        tool: { server: served.provider.name, operation: endpoint.operation },
        // What it used is settled with the request that it answers.
        request: { action: 'completion', ...modelOf(inference), estimated_tokens: 0, stream: asked.stream, output },
      });
      return attempt(inference, request, undefined);
    },
    hosted(inference, tool) {
      const request = requestOf({
        behalf: inference.behalf,
        kind: 'tool_call',
        tool: {
          server: inference.served.provider.name,
          name: tool.name,
          operation: inference.endpoint.operation,
          arguments: tool.definition,
          attributes: carriedOut('provider'),
        },
      });
      return attempt(inference, request, undefined);
    },
    proposed(inference, { name, arguments: given }) {
      if (!CALL_NAME.test(name)) return { refused: 'its name is not acceptable' };
      const args = argumentsOf(given);
      if (args === undefined) return { refused: 'its arguments are not strict JSON' };
      const namespace = namespaces.find(({ prefix }) => name.startsWith(prefix) && name.length > prefix.length);
      const offered = inference.asked.tools.find((tool) => tool.by === 'agent' && tool.name === name);
      const request = requestOf({
        behalf: inference.behalf,
        kind: 'tool_call',
        tool: {
          server: namespace?.server ?? tools.server ?? inference.served.provider.name,
          name: namespace === undefined ? name : name.slice(namespace.prefix.length),
          operation: inference.endpoint.operation,
          arguments: args,
          // Of a tool behind the MCP proxy the server's own definition counts, and is known there.
          ...(offered === undefined || namespace !== undefined
            ? {}
            : { definition_digest: jsonDigestHex(offered.definition) }),
          attributes: { ...carriedOut(namespace === undefined ? 'agent' : 'mcp'), offered: offered !== undefined },
        },
      });
      return attempt(inference, request, undefined);
    },
    listed(route, served, url, behalf) {
      const request = requestOf({
        behalf,
        kind: 'inference',
        tool: { server: served.provider.name, operation: route.operation, attributes: { carried_out: 'never' } },
        request: { action: served.action, ...modelOf({ served, url }), estimated_tokens: 0, max_tokens: 0 },
      });
      return {
        request,
        server: upstreamName(served.provider.name, route.path),
        direction: 'client_to_server',
        payload: undefined,
      };
    },
  };
}

/** Whether it may be asked about. */
export function isAskable(made: Attempt | NoCall): made is Attempt {
  return 'request' in made;
}

function carriedOut(by: CarriedOut): JsonObject {
  return { carried_out: by };
}

/** By name, what a definition is: another one of the same name is another tool. */
function definitionsOf(tools: readonly OfferedTool[]): readonly JsonObject[] {
  return tools.map(({ name, definition }) => ({ name, digest: jsonDigestHex(definition) }));
}

/** An object, as text or as it is. No arguments at all are an empty one. */
function argumentsOf(given: Json): JsonObject | undefined {
  if (isObject(given)) return given;
  if (typeof given !== 'string') return undefined;
  if (given.trim() === '') return {};
  const read = parseStrictJson(Buffer.from(given), { maxBytes: MAX_ARGUMENT_BYTES });
  return read.ok && isObject(read.value) ? read.value : undefined;
}
