/**
 * The tasks extension (SEP-2663) in front of the SDK, which does not have it: calls that go on after their answer, are
 * asked after, given input and cancelled. The SDK still lists the tools and serves clients without the extension.
 */
import { randomUUID } from 'node:crypto';
import { inputRequired, type McpServer, ProtocolError } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './content.js';

/** The extension's name in capabilities. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** A "second" of these tools, so that nobody waits long. */
const SECOND_MS = 100;
const MISSING_CAPABILITY = -32021;
const HEADER_MISMATCH = -32020;
const INVALID_PARAMS = -32602;

/** Tools that a client without the extension cannot call. */
const ALWAYS_TASKS = ['failing_job', 'protocol_error_job', 'confirm_delete', 'multi_input'];

type Fields = Readonly<Record<string, unknown>>;
type Settled = { readonly result: Fields } | { readonly error: Fields };

interface Task {
  readonly taskId: string;
  readonly createdAt: string;
  status: string;
  lastUpdatedAt: string;
  inputRequests?: Record<string, unknown>;
  outcome?: Settled;
  /** What it comes to once all input is there. */
  readonly finish: (input: Fields) => Settled;
  readonly input: Record<string, unknown>;
}

/** Answers what concerns tasks; nothing for what the SDK answers. */
export type TaskFront = (request: Request, body: unknown) => Response | undefined;

const done = (value: string, isError = false): Settled => ({ result: { content: [text(value)], isError } });
const form = (message: string, name: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] },
  });
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});

/** Lists the tools; what they do here is what a client without the extension gets. */
export function registerTaskTools(server: McpServer): void {
  server.registerTool(
    'greet',
    { description: 'Greets', inputSchema: z.object({ name: z.string() }) },
    async ({ name }) => ({ content: [text(`Hello, ${name}!`)] }),
  );
  const work = z.object({ seconds: z.number(), label: z.string().optional() });
  server.registerTool('slow_compute', { description: 'Computes slowly', inputSchema: work }, async () => ({
    content: [text('computed')],
  }));
  for (const name of ALWAYS_TASKS) {
    const config = { description: `Always a task: ${name}`, inputSchema: z.looseObject({}) };
    server.registerTool(name, config, async () => ({ content: [text('a task would be better')], isError: true }));
  }
  server.registerTool(
    'test_tool_with_task',
    { description: 'Needs input first and is a task then', inputSchema: z.object({}) },
    async () => inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } }),
  );
}

/** Keeps the tasks. */
export function createTaskFront(): TaskFront {
  const tasks = new Map<string, Task>();

  function settle(task: Task): void {
    if (task.outcome !== undefined || task.status === 'cancelled') return;
    task.outcome = task.finish(task.input);
    task.status = 'result' in task.outcome ? 'completed' : 'failed';
    task.lastUpdatedAt = new Date().toISOString();
  }

  function create(finish: Task['finish'], seconds: number, inputRequests?: Record<string, unknown>): Fields {
    const now = new Date().toISOString();
    const status = inputRequests === undefined ? 'working' : 'input_required';
    const task: Task = { taskId: randomUUID(), createdAt: now, lastUpdatedAt: now, status, finish, input: {} };
    if (inputRequests === undefined) setTimeout(() => settle(task), seconds * SECOND_MS).unref();
    else task.inputRequests = inputRequests;
    tasks.set(task.taskId, task);
    return { resultType: 'task', ...stateOf(task) };
  }

  function call(name: unknown, args: Fields, params: Fields): Fields | undefined {
    switch (name) {
      case 'slow_compute':
        return create(() => done(`computed ${String(args['label'])}`), Number(args['seconds']));
      case 'failing_job':
        return create(() => done('the job failed', true), 1);
      case 'protocol_error_job':
        return create(() => ({ error: { code: -32603, message: 'the job broke' } }), 1);
      case 'confirm_delete':
        return create(() => done('deleted'), 0, { [randomUUID()]: form('Delete?', 'confirm') });
      case 'multi_input':
        return create(() => done('both given'), 0, {
          [randomUUID()]: form('One?', 'a'),
          [randomUUID()]: form('Two?', 'b'),
        });
      case 'test_tool_with_task': {
        const given = fieldsOf(fieldsOf(params['inputResponses'])['user_name']);
        const user = fieldsOf(given['content'])['name'];
        return user === undefined ? undefined : create(() => done(`Hello, ${JSON.stringify(user)}`), 1);
      }
      default:
        return undefined;
    }
  }

  function ask(method: string, params: Fields): Fields {
    const task = tasks.get(String(params['taskId']));
    if (task === undefined) throw new ProtocolError(INVALID_PARAMS, 'no such task');
    if (method === 'tasks/get') {
      const input = task.status === 'input_required' ? { inputRequests: task.inputRequests } : {};
      return { resultType: 'complete', ...stateOf(task), ...input, ...task.outcome };
    }
    if (method === 'tasks/cancel' && task.outcome === undefined) task.status = 'cancelled';
    if (method === 'tasks/update' && task.status === 'input_required') {
      for (const [key, answer] of Object.entries(fieldsOf(params['inputResponses']))) {
        if (task.inputRequests?.[key] === undefined) continue;
        task.input[key] = answer;
        delete task.inputRequests[key];
      }
      if (Object.keys(task.inputRequests ?? {}).length === 0) settle(task);
    }
    return { resultType: 'complete' };
  }

  return (request, body) => {
    const { id, method, params: given } = fieldsOf(body);
    const params = fieldsOf(given);
    const capabilities = fieldsOf(fieldsOf(params['_meta'])['io.modelcontextprotocol/clientCapabilities']);
    const declared = isFields(fieldsOf(capabilities['extensions'])[TASKS_EXTENSION]);
    const fail = (status: number, code: number, message: string, data?: Fields): Response =>
      Response.json(
        { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } },
        { status },
      );
    const isTasks = method === 'tasks/get' || method === 'tasks/update' || method === 'tasks/cancel';
    if (!isTasks && method !== 'tools/call') return undefined;
    const named = params[isTasks ? 'taskId' : 'name'];
    if (request.headers.get('mcp-method') !== method || request.headers.get('mcp-name') !== named) {
      // A lying header on a call is the SDK's to refuse.
      return isTasks ? fail(400, HEADER_MISMATCH, 'the headers and the body disagree') : undefined;
    }
    if (!declared) {
      if (!isTasks && !ALWAYS_TASKS.includes(String(named))) return undefined;
      const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
      return fail(400, MISSING_CAPABILITY, 'the tasks extension is required', { requiredCapabilities });
    }
    try {
      const result = isTasks ? ask(method, params) : call(named, fieldsOf(params['arguments']), params);
      return result === undefined ? undefined : Response.json({ jsonrpc: '2.0', id, result });
    } catch (error: unknown) {
      if (!(error instanceof ProtocolError)) throw error;
      return fail(200, error.code, error.message);
    }
  };
}

function stateOf({ taskId, status, createdAt, lastUpdatedAt }: Task): Fields {
  return { taskId, status, createdAt, lastUpdatedAt, ttlMs: 60_000, pollIntervalMs: SECOND_MS };
}
