import { type Authorizer, createAuthorizer, type Refused } from '@portcullis/client';
import { parseStrictJson } from '@portcullis/runtime';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { BLOCKS, explained, refusalFor } from '../hook/hook-answer.js';
import { HOOK_AGENTS, type HookAgent, type HookEvent, readHookEvent } from '../hook/hook-event.js';
import type { Shell } from '../shell.js';
import { collect, examples, wholeNumber } from './arguments.js';

interface HookFlags {
  readonly socket?: string;
  readonly url?: string;
  readonly server: string;
  readonly mcpServer?: readonly string[];
  readonly agent?: HookAgent;
  readonly timeoutMs: number;
}

/** Together less than the least time that an agent gives its hooks (Copilot CLI: 30 s): of a hook that is late all take no notice. */
const MAX_TIMEOUT_MS = 25_000;
const EVENT_TIMEOUT_MS = 3_000;
/** More than that is no tool call. */
const MAX_EVENT_BYTES = 4_194_304;

/** Adds `hook`. Whatever goes wrong ends with exit code 2, on which agents block. */
export function addHookVerb(program: Command, shell: Shell): void {
  program
    .command('hook')
    .description("decide a coding agent's tool call: reads its hook event from stdin and asks the sidecar")
    .option('--socket <PATH>', 'Unix socket of the sidecar’s authorize API')
    .option('--url <URL>', 'its address, instead of a socket')
    .option('--server <NAME>', 'tool.server of the tools that the agent has built in', 'builtin')
    .option(
      '--mcp-server <NAME>',
      'an MCP server of the agent, for tool names that can be read in several ways (mcp__a__b__c); may be repeated',
      collect,
    )
    .addOption(
      new Option(
        '--agent <NAME>',
        'in whose words to refuse an event that several agents send, or that is unusable',
      ).choices([...HOOK_AGENTS]),
    )
    .option('--timeout-ms <N>', 'longest wait for the sidecar', wholeNumber(1, MAX_TIMEOUT_MS), 2_000)
    .addHelpText(
      'after',
      examples(
        [
          'as PreToolUse (and PostToolUse) hook of Claude Code or Codex',
          'portcullis hook --socket /run/portcullis/authorize.sock',
        ],
        [
          'try it',
          `echo '{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}' | portcullis hook --url http://127.0.0.1:9201`,
        ],
      ) +
        '\nAn allow prints nothing, so that the agent’s own permission rules still count. A refusal, and every failure, ' +
        `exits with ${BLOCKS} and says why on stderr.`,
    )
    .action(async (flags: HookFlags) => {
      const authorizer = authorizerOf(flags);
      const json = parseStrictJson(await eventBytes(shell), { maxBytes: MAX_EVENT_BYTES });
      const event = json.ok
        ? readHookEvent(json.value, flags.server, flags.mcpServer)
        : `not strict JSON: ${json.reason}`;
      if (typeof event === 'string') {
        const message = `the hook's event is unusable: ${event}`;
        block(shell, flags.agent ?? 'claude', {
          allowed: false,
          outcome: 'invalid',
          code: 'HOOK_EVENT_INVALID',
          message,
        });
      } else if (event.phase === 'before') await decide(shell, authorizer, event, flags.agent);
      else await tell(shell, authorizer, event);
    });
}

async function eventBytes({ terminal }: Shell): Promise<Uint8Array> {
  const late = AbortSignal.timeout(EVENT_TIMEOUT_MS);
  return terminal.input(late).catch((error: unknown) => {
    throw late.aborted ? usageFault(`stdin: the event did not end within ${EVENT_TIMEOUT_MS} ms`) : error;
  });
}

function authorizerOf({ socket, url, timeoutMs }: HookFlags): Authorizer {
  if ((socket === undefined) === (url === undefined))
    throw usageFault('say where the sidecar is: either --socket PATH or --url URL');
  return createAuthorizer({ ...(socket === undefined ? { url: url ?? '' } : { socket }), timeoutMs });
}

/** @param spoken the agent in whose words to refuse an event of Claude Code, which Copilot CLI can send as well */
async function decide(
  shell: Shell,
  authorizer: Authorizer,
  event: HookEvent,
  spoken: HookAgent = event.agent,
): Promise<void> {
  const { server, tool, session, call, agent } = event;
  const authorization = await authorizer.authorize({
    source: 'hook',
    kind: 'tool_call',
    ...(session === undefined ? {} : { session_id: session }),
    ...(call === undefined ? {} : { correlation_id: call }),
    tool: { server, name: tool, operation: 'tools/call', arguments: event.arguments, attributes: { hook: agent } },
  });
  // No other agent understands the words of Copilot CLI, and with them the exit code says that all is well.
  if (!authorization.allowed) block(shell, agent === 'claude' ? spoken : agent, authorization);
}

/** The tool has run. Where its outcome cannot be told, its lease returns by itself. */
async function tell(shell: Shell, authorizer: Authorizer, { session, call, result }: HookEvent): Promise<void> {
  if (call === undefined) return;
  const isTold = await authorizer.concludeCorrelated(
    { correlation_id: call, ...(session === undefined ? {} : { session_id: session }) },
    { outcome: 'forwarded', ...(result === undefined ? {} : { result }) },
  );
  if (!isTold) shell.terminal.say('the sidecar could not be told what became of the call', 'warning');
}

function block(shell: Shell, agent: HookAgent, refusal: Refused): void {
  const { json, exit } = refusalFor(agent, refusal);
  shell.terminal.data(JSON.stringify(json));
  shell.terminal.say(explained(refusal));
  if (exit === BLOCKS) shell.exit(EXIT.usage);
}
