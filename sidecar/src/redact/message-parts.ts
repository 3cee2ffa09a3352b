/** Which parts of an MCP message are content, and which say where it goes: those are not to be changed. */

import type { MessageLayout } from './message-layout.js';

const ROUTING: ReadonlySet<string> = new Set(['name', 'uri', 'ref']);
/** Set by the protocol's machinery: handles and versions. */
const MACHINERY: ReadonlySet<string> = new Set([
  'cursor',
  'nextCursor',
  'progressToken',
  'protocolVersion',
  'requestId',
  'requestState',
  'resultType',
  'taskId',
]);
/** What a client says of itself. What a server says of itself are words for an agent, and its capabilities may have any. */
const OF_CLIENTS: ReadonlySet<string> = new Set(['capabilities', 'clientInfo', 'level']);
const META_MACHINERY =
  /^(?:progressToken|traceparent|tracestate|baggage|io\.modelcontextprotocol\/.*|modelcontextprotocol\.io\/.*)$/;
/** Handles; under other names of the protocol's a server may say anything. */
const META_HANDLES =
  /^(?:progressToken|traceparent|tracestate|baggage|io\.modelcontextprotocol\/(?:related-task|subscriptionId))$/;

/** Whether the value at a path of a message is content, to be searched and replaced. */
function isContent(path: readonly string[]): boolean {
  const [part = '', member = '', inner = ''] = path;
  if (part === 'error') return member !== 'code';
  if (part !== 'params' && part !== 'result') return false;
  const isResult = part === 'result';
  if (member === '_meta') return !(isResult ? META_HANDLES : META_MACHINERY).test(inner);
  if (MACHINERY.has(member)) return false;
  return isResult || !(ROUTING.has(member) || OF_CLIENTS.has(member));
}

/** Whether the value at a path says which tool, resource or prompt is meant: what is found there cannot be replaced. */
function isRouting(path: readonly string[]): boolean {
  return path[0] === 'params' && ROUTING.has(path[1] ?? '');
}

/** Messages of MCP. */
export const MCP_LAYOUT: MessageLayout = {
  name: 'mcp',
  isContent,
  isRouting,
  roots: {
    'tool.arguments': [['params', 'arguments']],
    arguments: [['params', 'arguments']],
    output: [['result', 'structuredContent'], ['result']],
    result: [['result', 'structuredContent'], ['result']],
  },
};
