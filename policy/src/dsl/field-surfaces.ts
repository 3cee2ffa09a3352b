import { ATTEMPT_KINDS, type AttemptKind } from '../model/request.js';

/** What a message of MCP can attempt; `inference` is a server's wish to have something sampled. */
const MCP_KINDS: readonly AttemptKind[] = ['tool_call', 'tool_list', 'resource', 'prompt', 'session', 'inference'];

/**
 * The kinds of attempt that can have a field, by the field or by what it lies in; the longest entry counts. A field
 * without one can be part of every attempt.
 */
const SURFACES: Readonly<Record<string, readonly AttemptKind[]>> = {
  tool: MCP_KINDS,
  // Of an inference and of a list of tools there is no name.
  'tool.name': ['tool_call', 'resource', 'prompt', 'session'],
  'tool.id': ['tool_call'],
  'tool.definition_digest': ['tool_call'],
  request: ['inference'],
  egress: ['egress'],
  peer: ['a2a'],
};

/** The kinds of attempt on which a field can be there, for a path in its normal spelling. All of them for most fields. */
export function surfacesOf(path: string): readonly AttemptKind[] {
  const [first = '', second = ''] = path.replace(/\[(any|all)\]/g, '').split('.');
  return own(`${first}.${second}`) ?? own(first) ?? ATTEMPT_KINDS;
}

function own(path: string): readonly AttemptKind[] | undefined {
  return Object.hasOwn(SURFACES, path) ? SURFACES[path] : undefined;
}
