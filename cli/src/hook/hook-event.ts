/**
 * What the hooks of coding agents are told before a tool runs, and after. Each agent has its own words; this is the table
 * (their documentation as of November 2026). What is not recognised is refused: a hook that does not understand its
 * question must not let the tool run.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { readToolName } from './mcp-name.js';

/** Agents whose hooks are understood. Codex speaks as Claude Code does. */
export const HOOK_AGENTS = ['claude', 'cursor', 'gemini', 'copilot'] as const;
/** An agent whose hooks are understood. */
export type HookAgent = (typeof HOOK_AGENTS)[number];

/** One event. */
export interface HookEvent {
  readonly agent: HookAgent;
  /** `before` asks, `after` tells. */
  readonly phase: 'before' | 'after';
  /** MCP tools are of their server; what the agent has built in is of `builtinServer`. */
  readonly server: string;
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly session: string | undefined;
  /** The agent's own name for this call. */
  readonly call: string | undefined;
  /** What the tool brought back; `after` only. */
  readonly result: Json | undefined;
}

/** An event as its agent tells it; without a server, it is of a tool that the agent has built in. */
type Told = Omit<HookEvent, 'server'> & { readonly server: string | undefined };
/** Nothing for an event of another agent; a text says what is wrong with one of this. */
type Reader = (event: JsonObject, mcpServers: readonly string[]) => Told | string | undefined;

/**
 * Reads an event; a text says what is wrong with it.
 * @param mcpServers names of the agent's MCP servers, where names of tools do not tell them
 */
export function readHookEvent(
  event: Json,
  builtinServer: string,
  mcpServers: readonly string[] = [],
): HookEvent | string {
  if (!isObject(event)) return 'expected a JSON object';
  for (const read of [claude, gemini, cursor, copilot]) {
    const found = read(event, mcpServers);
    if (found === undefined) continue;
    if (typeof found === 'string') return found;
    // Its tools would be taken for the agent's own, and the other way round.
    if (found.server === builtinServer) {
      return `an MCP server is called "${builtinServer}", as the agent's own tools are: name those otherwise with --server`;
    }
    return { ...found, server: found.server ?? builtinServer };
  }
  const said = event['hook_event_name'];
  return typeof said === 'string'
    ? `the event ${JSON.stringify(said.slice(0, 64))} is not one of a tool, or lacks the tool's name or input`
    : 'expected the event of a tool of Claude Code, Codex, Cursor, Gemini CLI or Copilot CLI';
}

/** Claude Code and Codex: `PreToolUse` and `PostToolUse`; MCP tools are `mcp__<server>__<tool>`. */
const claude: Reader = (event, mcpServers) => {
  const phase = { PreToolUse: 'before', PostToolUse: 'after' }[text(event, 'hook_event_name') ?? ''];
  const name = text(event, 'tool_name');
  if (!isPhase(phase) || name === undefined) return undefined;
  const whose = readToolName(name, mcpServers);
  if (typeof whose === 'string') return whose;
  return made('claude', phase, event, {
    ...whose,
    args: event['tool_input'],
    session: text(event, 'session_id'),
    call: text(event, 'tool_use_id'),
    result: event['tool_response'] ?? event['tool_output'],
  });
};

/** Gemini CLI: `BeforeTool` and `AfterTool`. */
const gemini: Reader = (event) => {
  const phase = { BeforeTool: 'before', AfterTool: 'after' }[text(event, 'hook_event_name') ?? ''];
  const name = text(event, 'tool_name');
  if (!isPhase(phase) || name === undefined) return undefined;
  const context = event['mcp_context'];
  const server = isObject(context) ? text(context, 'server_name') : undefined;
  const tool = isObject(context) ? text(context, 'tool_name') : undefined;
  return made('gemini', phase, event, {
    server,
    tool: tool ?? name,
    args: event['tool_input'],
    session: text(event, 'session_id'),
    call: undefined,
    result: event['tool_response'],
  });
};

/** Cursor: one event per kind of tool. */
const cursor: Reader = (event) => {
  const name = text(event, 'hook_event_name');
  const session = text(event, 'conversation_id');
  const call = text(event, 'tool_use_id');
  const own = (tool: string, args: JsonObject): Told | undefined =>
    made('cursor', 'before', event, { server: undefined, tool, args, session, call, result: undefined });
  const command = text(event, 'command');
  const file = text(event, 'file_path');
  switch (name) {
    case 'beforeShellExecution':
      return command === undefined ? undefined : own('Shell', { command, ...named(event, 'cwd') });
    case 'beforeReadFile':
      return file === undefined ? undefined : own('Read', { file_path: file });
    case 'preToolUse':
    case 'postToolUse':
    case 'beforeMCPExecution': {
      const tool = text(event, 'tool_name');
      if (tool === undefined) return undefined;
      const server = name === 'beforeMCPExecution' ? (text(event, 'server') ?? 'mcp') : undefined;
      return made('cursor', name === 'postToolUse' ? 'after' : 'before', event, {
        server,
        tool,
        args: decoded(event['tool_input']),
        session,
        call,
        result: decoded(event['tool_output']),
      });
    }
    default:
      return undefined;
  }
};

/** Copilot CLI: `preToolUse` and `postToolUse`, which do not say which they are; arguments are JSON in a string. */
const copilot: Reader = (event) => {
  const tool = text(event, 'toolName');
  if (tool === undefined) return undefined;
  const result = event['toolResult'];
  // A result is an object; what is none does not tell that the tool has run.
  return made('copilot', isObject(result) ? 'after' : 'before', event, {
    server: undefined,
    tool,
    args: decoded(event['toolArgs']),
    session: text(event, 'sessionId'),
    call: undefined,
    result,
  });
};

interface Said {
  readonly server: string | undefined;
  readonly tool: string;
  readonly args: Json | undefined;
  readonly session: string | undefined;
  readonly call: string | undefined;
  readonly result: Json | undefined;
}

/** Arguments that are no object, or have another name, could hide what a policy looks for. After a tool nobody asks for them. */
function made(agent: HookAgent, phase: HookEvent['phase'], event: JsonObject, said: Said): Told | undefined {
  const { server, tool, args = phase === 'after' ? {} : undefined, session, call, result } = said;
  if (!isObject(args)) return undefined;
  const cwd = text(event, 'cwd');
  const base = cwd === undefined || Object.hasOwn(args, 'cwd') ? args : { ...args, cwd };
  return { agent, phase, server, tool, arguments: base, session, call, result };
}

/** JSON in a text, read as strictly as what is around it: of a member that stands there twice, agents read either. */
function decoded(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return value;
  const parsed = parseStrictJson(Buffer.from(value), { maxBytes: MAX_DECODED_BYTES });
  return parsed.ok ? parsed.value : value;
}

/** The event around it is no larger. */
const MAX_DECODED_BYTES = 4_194_304;

function named(event: JsonObject, name: string): JsonObject {
  const value = text(event, name);
  return value === undefined ? {} : { [name]: value };
}

function text(event: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(event, name) ? event[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isPhase(value: string | undefined): value is HookEvent['phase'] {
  return value === 'before' || value === 'after';
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
