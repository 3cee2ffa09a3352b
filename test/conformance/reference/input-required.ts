/** Tools and a prompt of the 2026-07-28 revision that need input first: several round trips, sealed state. */
import { randomUUID } from 'node:crypto';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './content.js';

/** Seals and opens `requestState`. */
export type StateSeal = RequestStateCodec<Record<string, unknown>>;

/** A seal with a key of its own. */
export function createStateSeal(): StateSeal {
  return createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });
}

type Answer = CallToolResult | InputRequiredResult;
type Round = (context: ServerContext) => Answer | Promise<Answer>;

const STRING = { type: 'string' as const };
const BOOLEAN = { type: 'boolean' as const };
const field = (message: string, name: string, type: typeof STRING | typeof BOOLEAN = STRING) => {
  const requestedSchema = { type: 'object' as const, properties: { [name]: type }, required: [name] };
  return inputRequired.elicit({ message, requestedSchema });
};
const sample = (question: string) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(question) }], maxTokens: 50 });
const done = (value: string): CallToolResult => ({ content: [text(value)] });

function accepted({ mcpReq }: ServerContext, key: string, name: string): string | undefined {
  const value = acceptedContent(mcpReq.inputResponses, key)?.[name];
  return value === undefined ? undefined : JSON.stringify(value);
}

function sampled({ mcpReq }: ServerContext, key: string): string | undefined {
  const response = inputResponse(mcpReq.inputResponses, key);
  return response.kind === 'sampling' ? JSON.stringify(response.result.content) : undefined;
}

function rootsOf({ mcpReq }: ServerContext, key: string): readonly string[] | undefined {
  const response = inputResponse(mcpReq.inputResponses, key);
  return response.kind === 'roots' ? response.roots.map(({ uri }) => uri) : undefined;
}

/** Registers them all. */
export function registerInputRequired(server: McpServer, seal: StateSeal): void {
  const state = (payload: Record<string, unknown>) => seal.mint({ ...payload, nonce: randomUUID() });
  const tool = (name: string, round: Round): void => {
    const description = `Needs input: ${name}`;
    server.registerTool(name, { description, inputSchema: z.object({}) }, (_args, context) => round(context));
  };

  tool('test_input_required_result_elicitation', (context) => {
    const name = accepted(context, 'user_name', 'name');
    if (name !== undefined) return done(`Hello, ${name}!`);
    return inputRequired({ inputRequests: { user_name: field('What is your name?', 'name') } });
  });
  tool('test_input_required_result_sampling', (context) => {
    const answer = sampled(context, 'capital_question');
    if (answer !== undefined) return done(`Sampled ${answer}`);
    return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } });
  });
  tool('test_missing_capability', (context) => {
    const answer = sampled(context, 'llm_answer');
    return answer === undefined ? inputRequired({ inputRequests: { llm_answer: sample('Say pong') } }) : done(answer);
  });
  tool('test_input_required_result_list_roots', (context) => {
    const roots = rootsOf(context, 'client_roots');
    if (roots !== undefined) return done(`Roots: ${roots.join(', ')}`);
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
  for (const name of ['request_state', 'tampered_state']) {
    tool(`test_input_required_result_${name}`, async (context) => {
      // State that does not verify is refused before this runs.
      const known = context.mcpReq.requestState() !== undefined && accepted(context, 'confirm', 'ok') !== undefined;
      if (known) return done('state-ok');
      const inputRequests = { confirm: field('Please confirm', 'ok', BOOLEAN) };
      return inputRequired({ inputRequests, requestState: await state({ tool: name }) });
    });
  }
  tool('test_input_required_result_multiple_inputs', async (context) => {
    const name = accepted(context, 'user_name', 'name');
    const greeting = sampled(context, 'greeting');
    const roots = rootsOf(context, 'client_roots');
    if (name !== undefined && greeting !== undefined && roots !== undefined) {
      return done(`${greeting} ${name}, ${roots.length} roots`);
    }
    return inputRequired({ inputRequests: everything(), requestState: await state({ tool: 'multiple' }) });
  });
  tool('test_input_required_result_multi_round', async (context) => {
    const before = context.mcpReq.requestState<Record<string, unknown>>();
    if (before === undefined) {
      const inputRequests = { step1: field('Step 1: your name?', 'name') };
      return inputRequired({ inputRequests, requestState: await state({ round: 1 }) });
    }
    if (before['round'] === 1) {
      const inputRequests = { step2: field('Step 2: your favourite colour?', 'color') };
      const name = accepted(context, 'step1', 'name');
      return inputRequired({ inputRequests, requestState: await state({ round: 2, name }) });
    }
    return done(`${String(before['name'])} likes ${accepted(context, 'step2', 'color')}`);
  });
  tool('test_input_required_result_capabilities', (context) => {
    if (context.mcpReq.inputResponses !== undefined) return done('answered');
    const envelope: Readonly<Record<string, unknown>> = { ...context.mcpReq.envelope };
    const declared = { ...(envelope[CLIENT_CAPABILITIES_META_KEY] as Readonly<Record<string, unknown>> | undefined) };
    const needs = { user_name: 'elicitation', greeting: 'sampling', client_roots: 'roots' } as const;
    const inputRequests: InputRequests = {};
    for (const [key, request] of Object.entries(everything())) {
      if (declared[needs[key as keyof typeof needs]] !== undefined) inputRequests[key] = request;
    }
    return Object.keys(inputRequests).length === 0 ? done('nothing can be asked') : inputRequired({ inputRequests });
  });

  server.registerPrompt(
    'test_input_required_result_prompt',
    { title: 'Needs input', description: 'Needs input first' },
    async (context) => {
      const given = accepted(context, 'user_context', 'context');
      if (given === undefined) {
        return inputRequired({ inputRequests: { user_context: field('Which context?', 'context') } });
      }
      return { messages: [{ role: 'user' as const, content: text(`Use this context: ${given}`) }] };
    },
  );
}

function everything(): Record<'user_name' | 'greeting' | 'client_roots', ReturnType<typeof field>> {
  return {
    user_name: field('What is your name?', 'name'),
    greeting: sample('Greet somebody'),
    client_roots: inputRequired.listRoots(),
  };
}
