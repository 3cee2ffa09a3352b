/** From an MCP message (or an HTTP verb that MCP gives a meaning) to the attempt that is asked about. */

import type { AttemptKind, CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import type { Behalf } from '../../behalf/behalf.js';
import type { Attempt } from '../../enforce/guard.js';
import type { Direction } from '../../enforce/permit.js';
import { createRequestMaker, type RequestMakerOptions } from '../canonical-request.js';
import type { RpcNotification, RpcRequest } from './message.js';
import { type Era, methodRow, type Target, targetOf } from './methods.js';

/** HTTP verbs of 2025-11-25 that are not JSON-RPC and are decided all the same. */
export const HTTP_OPERATIONS = {
  /** GET: opens the stream on which the server may speak first. */
  GET: 'http/stream.open',
  /** DELETE: ends the session. */
  DELETE: 'http/session.delete',
} as const;

/** Lists tools. */
export const LIST_TOOLS = 'tools/list';
/** Calls one. */
export const CALL_TOOL = 'tools/call';

/** Where a message was seen. */
export interface Sighting {
  readonly server: string;
  readonly direction: Direction;
  readonly era: Era;
  /** The protocol revision, as far as it is known. */
  readonly protocolVersion: string | undefined;
  readonly sessionId: string | undefined;
  readonly behalf: Behalf;
}

/** Why a message cannot become an attempt: it is refused without asking. */
export interface NotAnAttempt {
  readonly refused: 'METHOD_UNKNOWN' | 'SHAPE' | 'PARAMS';
  readonly message: string;
}

/** What attempts are made with. */
export interface AttemptMaker {
  /** The attempt that forwards `message`, or why it is none. */
  fromMessage(message: RpcRequest | RpcNotification, seen: Sighting): Attempt | NotAnAttempt;
  /** The question whether one tool of a list may be shown. Nothing is forwarded under it. */
  fromListing(tool: { readonly name: string; readonly digest: string }, seen: Sighting): Attempt;
  /** The attempt of an HTTP verb without a message. */
  fromVerb(verb: keyof typeof HTTP_OPERATIONS, seen: Sighting, details: JsonObject): Attempt;
}

/** Whether it may be asked about. */
export function isAttempt(made: Attempt | NotAnAttempt): made is Attempt {
  return 'request' in made;
}

/** The same attempt, of a tool of this definition. */
export function withDefinition(attempt: Attempt, digest: string): Attempt {
  const { request } = attempt;
  return { ...attempt, request: { ...request, tool: { ...request.tool, definition_digest: digest } } };
}

/** Makes attempts for one agent. */
export function createAttemptMaker(options: RequestMakerOptions): AttemptMaker {
  const requestOf = createRequestMaker('mcp_proxy', options);

  function canonical(
    kind: AttemptKind,
    operation: string,
    seen: Sighting,
    target: Omit<Target, 'kind'>,
  ): CanonicalRequest {
    return requestOf({
      kind,
      behalf: seen.behalf,
      ownSession: seen.sessionId,
      // In the order of the canonical text, as the request around it.
      tool: {
        ...(target.arguments === undefined ? undefined : { arguments: target.arguments }),
        attributes: {
          direction: seen.direction,
          ...(seen.sessionId === undefined ? undefined : { mcp_session_id: seen.sessionId }),
          // Whatever else goes upstream is part of the question, so the digest covers every byte that is forwarded.
          ...(Object.keys(target.rest).length === 0 ? undefined : { params: target.rest }),
          ...(seen.protocolVersion === undefined ? undefined : { protocol_version: seen.protocolVersion }),
        },
        ...(target.name === undefined ? undefined : { name: target.name }),
        operation,
        server: seen.server,
      },
    });
  }

  return {
    fromMessage(message, seen) {
      const { method, params } = message;
      const row = methodRow(method, seen.direction, seen.era);
      if (row === undefined) {
        return {
          refused: 'METHOD_UNKNOWN',
          message: `the method is not one of MCP's ${seen.era} revisions in this direction`,
        };
      }
      if (row.shape !== message.kind) {
        return {
          refused: 'SHAPE',
          message: `${method} must be a ${row.shape}${row.shape === 'request' ? ' and have an id' : ''}`,
        };
      }
      const target = targetOf(row, params);
      if (typeof target === 'string') return { refused: 'PARAMS', message: target };
      return {
        request: canonical(target.kind, method, seen, target),
        server: seen.server,
        direction: seen.direction,
        payload: JSON.stringify(message.value),
      };
    },
    fromListing({ name, digest }, seen) {
      const request = canonical('tool_list', LIST_TOOLS, seen, { name, rest: {} });
      return withDefinition({ request, server: seen.server, direction: seen.direction, payload: undefined }, digest);
    },
    fromVerb(verb, seen, details) {
      return {
        request: canonical('session', HTTP_OPERATIONS[verb], seen, { arguments: details, rest: {} }),
        server: seen.server,
        direction: seen.direction,
        payload: undefined,
      };
    },
  };
}
