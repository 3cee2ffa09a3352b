/** What is sent over each surface, and what must come back. */
import type { Surface } from './job.js';

/** Tokens of a streamed answer. */
export const TOKENS = 20;
/** What a streamed answer begins with. */
export const FIRST_TOKEN = 'token-0';
/** A stream whose question has this in it does not go on after its first token. */
export const HOLD = 'hold-this-stream';

/** One call. */
export interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Every one of these must be in the answer. */
  readonly expected: readonly string[];
}

const JSON_TYPE = { 'content-type': 'application/json' };
/** Headers of an MCP call. */
export const MCP = {
  ...JSON_TYPE,
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-11-25',
};
/** What a call has without any padding, in bytes. */
const OVERHEAD = 250;

/** Arguments of a tool like those of many; `name` makes them new. */
function argumentsOf(name: string, padding: string): object {
  return { path: `/srv/data/reports/2026/${name}.csv`, encoding: 'utf-8', limit: 4096, nested: [1, 2, 3], padding };
}

/** What a client asks before it calls anything: calls are held against the definitions that it saw. */
export const LIST_TOOLS = JSON.stringify({ jsonrpc: '2.0', id: 'list', method: 'tools/list' });

/** What the server answers to it. */
export const TOOLS = [
  {
    name: 'read',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string' }, encoding: { type: 'string' }, limit: { type: 'integer' } },
      required: ['path'],
    },
  },
];

/** JSON-RPC text of a tool call. */
export function toolCall(id: number, name: string, padding: string): string {
  const params = { name: 'read', arguments: argumentsOf(name, padding) };
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
}

/** Words, as text has them: no recogniser finds anything in them. */
export function paddingOf(payloadKb: number): string {
  const words = 'the quick brown fox jumps over the lazy dog and ';
  const length = Math.max(0, Math.round(payloadKb * 1_000 - OVERHEAD));
  return words.repeat(Math.ceil(length / words.length)).slice(0, length);
}

/** Call `id`; `name` is in it, and where nothing else is, calls of one name are equal but for their ids. */
export function callOf(surface: Surface, id: number, name: string, padding: string): Call {
  switch (surface) {
    case 'mcp':
    case 'stdio':
      return { path: '', headers: MCP, body: toolCall(id, name, padding), expected: [`"id":${id}`, `/${name}.csv`] };
    case 'a2a': {
      const message = { role: 'user', messageId: name, parts: [{ kind: 'text', text: `${name} ${padding}` }] };
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'message/send', params: { message } });
      return { path: '', headers: JSON_TYPE, body, expected: [`"id":${id}`, `"${name} `] };
    }
    case 'llm':
    case 'stream': {
      const streamed = surface === 'stream';
      const body = JSON.stringify({
        model: 'model-1',
        ...(streamed ? { stream: true, stream_options: { include_usage: true } } : {}),
        messages: [{ role: 'user', content: `${name} ${padding}` }],
      });
      const expected = streamed ? [FIRST_TOKEN, ` token-${TOKENS - 1}`, '[DONE]'] : [`"${name} `];
      return { path: '/v1/chat/completions', headers: { ...JSON_TYPE, authorization: 'Bearer agent' }, body, expected };
    }
    case 'egress':
      return {
        path: `/site/${name}`,
        headers: { 'content-type': 'text/plain' },
        body: padding,
        expected: [`site saw POST /site/${name}`, padding],
      };
  }
}
