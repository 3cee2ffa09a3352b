/** Which parts of an MCP message are content, and which say where it goes: those are not to be changed. */

import type { MessageLayout } from './message-layout.js';

const ROUTING: ReadonlySet<string> = new Set(['name', 'uri', 'ref']);
/** Set by the protocol's machinery: handles, versions, capabilities. */
const MACHINERY: ReadonlySet<string> = new Set([
  'capabilities',
  'clientInfo',
  'cursor',
  'level',
  'nextCursor',
  'progressToken',
  'protocolVersion',
  'requestId',
  'requestState',
  'resultType',
  'serverInfo',
  'taskId',
]);
const META_MACHINERY =
  /^(?:progressToken|traceparent|tracestate|baggage|io\.modelcontextprotocol\/.*|modelcontextprotocol\.io\/.*)$/;

/** Whether the value at a path of a message is content, to be searched and replaced. */
function isContent(path: readonly string[]): boolean {
  const [part = '', member = '', inner = ''] = path;
  if (part === 'error') return member !== 'code';
  if (part !== 'params' && part !== 'result') return false;
  if (part === 'params' && ROUTING.has(member)) return false;
  return member === '_meta' ? !META_MACHINERY.test(inner) : !MACHINERY.has(member);
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
