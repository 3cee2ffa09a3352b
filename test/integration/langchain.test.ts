/**
 * LangChain.js, unmodified, with nothing but a base URL for its models and one for its tools: what is allowed is as if nothing
 * were in between, what is denied never arrives, be it proposed by the model or called by the agent.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { AIMessage, type AIMessageChunk, HumanMessage, type ToolMessage } from '@langchain/core/messages';
import type { DynamicStructuredTool } from '@langchain/core/tools';
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { ChatOpenAI } from '@langchain/openai';
import { startService } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { type ModelProvider, type Script, startModelProvider } from '../support/model-provider.js';
import { policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

jest.setTimeout(120_000);

const POLICIES = [
  {
    name: 'Everything else',
    on: ['session', 'tool_list', 'tool_call', 'inference'],
    when: 'always',
    effect: 'allow',
    priority: 1,
  },
  {
    name: 'Forbidden model',
    on: ['inference'],
    when: { field: 'request.model', operator: 'equals', value: 'forbidden' },
    effect: { type: 'deny', deny_reason_code: 'NOT_THIS_MODEL', deny_user_message: 'this model is not used here' },
    priority: 90,
  },
  {
    name: 'Forbidden tool',
    on: ['tool_call'],
    when: { field: 'tool.name', operator: 'equals', value: 'forbidden' },
    effect: { type: 'deny', deny_reason_code: 'NO_WAY', deny_user_message: 'this tool is forbidden' },
    priority: 90,
  },
  {
    name: 'No secrets',
    on: ['tool_call'],
    // One rule for both: what the model proposes has the server's name and the tool's own, as what the agent calls has.
    when: {
      operator: 'and',
      conditions: [
        { field: 'tool.server', operator: 'equals', value: 'legacy' },
        { field: 'tool.name', operator: 'equals', value: 'later' },
        { field: 'tool.arguments.label', operator: 'equals', value: 'secret' },
      ],
    },
    effect: { type: 'deny', deny_reason_code: 'NO_SECRETS', deny_user_message: 'secrets are not for tools' },
    priority: 80,
  },
];

const QUIET: Script = { text: 'Hello there, agent.', calls: [], usage: [11, 7] };
/** As the adapter names a tool when it is asked to name its server too. */
const LATER = 'mcp__legacy__later';
const PROPOSING: Script = {
  text: 'Let me see.',
  calls: [
    [LATER, { label: 'secret', ms: 0 }],
    [LATER, { label: 'proposed', ms: 0 }],
  ],
  usage: [20, 9],
};
const SAY = [new HumanMessage('say hello')];
/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5_000, breaker: { resetTimeoutMs: 6_000 } };

let provider: ModelProvider;
let server: Awaited<ReturnType<typeof startService>>;
let stack: Stack;
let sidecar: SidecarProcess;
let mcp: MultiServerMCPClient;
let tools: readonly DynamicStructuredTool[];

beforeAll(async () => {
  provider = await startModelProvider();
  server = await startService(
    join(repositoryRoot(), 'test', 'dist', 'integration', 'mcp-clients', 'legacy-server.js'),
    [],
  );
  stack = await startStack({ pdp: { limits: { decisionDeadlineMs: 5_000 } } });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'legacy', url: `http://${server.announcement.addresses['mcp'] ?? ''}/mcp` }],
    pdp: PATIENT,
    config: {
      llm: {
        tools: { namespaces: [{ prefix: 'mcp__legacy__', server: 'legacy' }] },
        providers: [
          {
            name: 'acme',
            kind: 'openai',
            baseUrl: `${provider.url}/v1`,
            models: [{ name: 'model-1' }, { name: 'forbidden' }],
          },
        ],
      },
    },
  });
  mcp = new MultiServerMCPClient({
    mcpServers: { legacy: { transport: 'http', url: sidecar.mcpUrl('legacy') } },
    prefixToolNameWithServerName: true,
    additionalToolNamePrefix: 'mcp',
  });
  tools = await mcp.getTools();
});
afterAll(async () => {
  await mcp?.close();
  await stack?.close();
  await server?.process.stop('SIGKILL');
  await provider?.close();
});
beforeEach(() => {
  provider.script = QUIET;
  provider.calls.length = 0;
});

const chat = (model: string, useResponsesApi = false): ChatOpenAI =>
  new ChatOpenAI({
    model,
    useResponsesApi,
    apiKey: 'of-the-agent',
    configuration: { baseURL: `http://${sidecar.addresses['llm'] ?? ''}/v1` },
  });

/** One message of all that a stream brought, and how many pieces that were. */
async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<{ message: AIMessageChunk; pieces: number }> {
  let message: AIMessageChunk | undefined;
  let pieces = 0;
  for await (const chunk of stream) {
    message = message === undefined ? chunk : message.concat(chunk);
    if (chunk.text !== '') pieces += 1;
  }
  if (message === undefined) throw new Error('the stream was empty');
  return { message, pieces };
}

const toolNamed = (name: string): DynamicStructuredTool => {
  const found = tools.find((tool) => tool.name === `mcp__legacy__${name}`);
  if (found === undefined) throw new Error(`${name} is not among the tools`);
  return found;
};
const journal = async (): Promise<string> => String(await toolNamed('journal').invoke({}));
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  );

describe.each([
  ['chat.completions', false],
  ['responses', true],
])('ChatOpenAI with %s', (operation, useResponsesApi) => {
  test('an answer, whole and streamed, and what it used', async () => {
    const model = chat('model-1', useResponsesApi);
    const whole = await model.invoke(SAY);
    const { message, pieces } = await joined(await model.stream(SAY));
    for (const { text, usage_metadata: usage } of [whole, message]) {
      expect(text).toBe(QUIET.text);
      expect(usage).toMatchObject({ input_tokens: 11, output_tokens: 7 });
    }
    expect(pieces).toBeGreaterThan(1);
    expect(provider.calls).toHaveLength(2);
    expect(JSON.stringify(provider.calls)).not.toContain('of-the-agent');
  });

  test('calls of tools, whole and streamed: the denied one is words, the allowed one is there', async () => {
    provider.script = PROPOSING;
    const model = chat('model-1', useResponsesApi).bindTools([...tools]);
    const whole = await model.invoke(SAY);
    const { message } = await joined(await model.stream(SAY));
    for (const { text, tool_calls: calls } of [whole, message]) {
      expect(calls).toEqual([expect.objectContaining({ name: LATER, args: { label: 'proposed', ms: 0 } })]);
      expect(text).toContain('secrets are not for tools (POLICY_DENIED, NO_SECRETS');
    }
    expect(JSON.stringify(provider.calls.at(-1)?.body['tools'])).toContain(LATER);
  });

  test('a denied model is the error of the API, whole and streamed, at once', async () => {
    const model = chat('forbidden', useResponsesApi);
    const denials = (): number =>
      stack.decisions().filter(({ effect, tool }) => effect === 'deny' && tool.operation === operation).length;
    const before = denials();
    for (const error of [await failure(model.invoke(SAY)), await failure(model.stream(SAY).then(joined))]) {
      expect(error).toMatchObject({
        status: 403,
        code: 'POLICY_DENIED',
        type: 'permission_error',
        message: expect.stringContaining('NOT_THIS_MODEL'),
      });
    }
    expect(provider.calls).toEqual([]);
    // LangChain tries most errors again by itself, six times; a denial is none of them.
    await eventually('both in the log', () => denials() >= before + 2);
    expect(denials()).toBe(before + 2);
  });
});

describe('the MCP adapters', () => {
  test('list what may be called', () => {
    const names = tools.map(({ name }) => name);
    expect(names).toContain(LATER);
    expect(names).not.toContain('mcp__legacy__forbidden');
  });

  test('an allowed call is made', async () => {
    expect(await toolNamed('echo').invoke({ label: 'zażółć ☃ 𝄞' })).toBe('zażółć ☃ 𝄞');
  });

  test('a denied call is the error of a tool, says why, and is not made', async () => {
    const error = await failure(toolNamed('later').invoke({ label: 'secret', ms: 0 }));
    expect(error).toMatchObject({
      name: 'ToolException',
      message: expect.stringContaining('secrets are not for tools'),
    });
    expect(await toolNamed('later').invoke({ label: 'not secret', ms: 0 })).toBe('not secret');
    const done = (await journal()).split('\n');
    expect(done).toContain('later not secret');
    expect(done).not.toContain('later secret');
  });

  test('a tool that is not shown cannot be called either', async () => {
    const client = await mcp.getClient('legacy');
    const call = client?.callTool({ name: 'forbidden', arguments: { label: 'langchain' } });
    const error = await failure(Promise.resolve(call));
    expect(error).toMatchObject({ code: -31403, data: { reason_code: 'NO_WAY' } });
    expect(await journal()).not.toContain('forbidden langchain');
  });
});

test('an agent: the model proposes, the tool is called, the model reads what came out', async () => {
  const model = chat('model-1').bindTools([...tools]);
  provider.script = { ...PROPOSING, calls: [[LATER, { label: 'whole turn', ms: 0 }]] };
  const proposed = await model.invoke(SAY);
  expect(proposed).toBeInstanceOf(AIMessage);
  const results = await Promise.all(
    (proposed.tool_calls ?? []).map(
      async (call) => (await toolNamed('later').invoke({ ...call, type: 'tool_call' })) as ToolMessage,
    ),
  );
  expect(results.map(({ content }) => content)).toEqual(['whole turn']);
  provider.script = QUIET;
  const answer = await model.invoke([...SAY, proposed, ...results]);
  expect(answer.text).toBe(QUIET.text);
  expect(JSON.stringify(provider.calls.at(-1)?.body['messages'])).toContain('whole turn');
});
