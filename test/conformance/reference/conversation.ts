/** Tools that talk while they run: log lines, progress, and requests of the 2025-11-25 revision to the client. */

import { setTimeout as delay } from 'node:timers/promises';
import type { McpServer, ServerContext, ServerNotifier } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './content.js';

const NO_ARGUMENTS = z.object({});

/** The form of SEP-1034: a default of every primitive type. */
const DEFAULTS_FORM = {
  name: { type: 'string', description: 'User name', default: 'John Doe' },
  age: { type: 'integer', description: 'User age', default: 30 },
  score: { type: 'number', description: 'User score', default: 95.5 },
  status: { type: 'string', description: 'Status', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', description: 'Verification', default: true },
};

const options = (kind: string) => ['1', '2', '3'].map((n) => ({ const: `value${n}`, title: `${kind} ${n}` }));
const plain = ['option1', 'option2', 'option3'];

/** The form of SEP-1330: every way to write an enumeration. */
const ENUMS_FORM = {
  untitledSingle: { type: 'string', enum: plain },
  titledSingle: { type: 'string', oneOf: options('Option') },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
  untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: plain } },
  titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: options('Choice') } },
};

/** Tools that send notifications of their own call. */
export function registerTalkingTools(server: McpServer): void {
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs while it runs', inputSchema: NO_ARGUMENTS },
    async (_args, { mcpReq }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
        await delay(20);
      }
      return { content: [text('logged')] };
    },
  );
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs if the request asks for it', inputSchema: NO_ARGUMENTS },
    async (_args, { mcpReq }) => {
      // Sent only when the request asked for a level.
      await mcpReq.log('info', 'ran');
      return { content: [text('logged if asked to')] };
    },
  );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports progress while it runs', inputSchema: NO_ARGUMENTS },
    async (_args, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
        const params = { progressToken, progress, total: 100, message: `${progress} of 100` };
        await mcpReq.notify({ method: 'notifications/progress', params });
        await delay(20);
      }
      return { content: [text(String(progressToken ?? 'no token'))] };
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Drops its stream before it answers', inputSchema: NO_ARGUMENTS },
    async (_args, { http }) => {
      // The client has to come back with Last-Event-ID to get the answer.
      http?.closeSSE?.();
      await delay(100);
      return { content: [text('the client came back')] };
    },
  );
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Answers on a stream without asking', inputSchema: NO_ARGUMENTS },
    async () => ({
      content: [text('nothing was asked')],
    }),
  );
}

/** Tools that send requests to the client on the stream of their call. */
export function registerAskingTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks for a completion', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) =>
      told(async () => {
        const messages = [{ role: 'user' as const, content: text(prompt) }];
        // On the stream of the call: one of its own might not be open yet.
        const params = { messages, maxTokens: 100 };
        const { content } = await mcpReq.send({ method: 'sampling/createMessage', params });
        return `LLM response: ${JSON.stringify(content)}`;
      }),
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks for a form', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) =>
      elicit(context, message, { response: { type: 'string', description: "User's response" } }, ['response']),
  );
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks for a form with defaults', inputSchema: NO_ARGUMENTS },
    (_args, context) => elicit(context, 'Please review the defaults', DEFAULTS_FORM),
  );
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks for a form with enumerations', inputSchema: NO_ARGUMENTS },
    (_args, context) => elicit(context, 'Please choose', ENUMS_FORM),
  );
}

/** Tools that make whoever listens hear of a change. */
export function registerTriggers(server: McpServer, notify: () => ServerNotifier): void {
  server.registerTool(
    'test_trigger_tool_change',
    { description: 'Announces a change of tools', inputSchema: NO_ARGUMENTS },
    async () => {
      notify().toolsChanged();
      return { content: [text('tools changed')] };
    },
  );
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Announces a change of prompts', inputSchema: NO_ARGUMENTS },
    async () => {
      notify().promptsChanged();
      return { content: [text('prompts changed')] };
    },
  );
}

function elicit(
  { mcpReq }: ServerContext,
  message: string,
  properties: Record<string, unknown>,
  required: readonly string[] = [],
) {
  return told(async () => {
    const requestedSchema = { type: 'object', properties, required };
    const answer = await mcpReq.send({ method: 'elicitation/create', params: { message, requestedSchema } });
    return `Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;
  });
}

/** What came of asking, as a tool result; a refusal is told, not thrown. */
async function told(ask: () => Promise<string>) {
  try {
    return { content: [text(await ask())] };
  } catch (error: unknown) {
    return { content: [text(`not answered: ${error instanceof Error ? error.message : String(error)}`)] };
  }
}
