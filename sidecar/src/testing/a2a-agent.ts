/** An agent for tests, made with the official SDK: says its text back, or works on it until it is cancelled. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AgentCard, formatSSEEvent, Role, type SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { LegacyJsonRpcTransportHandler } from '@a2a-js/sdk/compat/v0_3/server';
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from '@a2a-js/sdk/server';

/** The agent, and what it saw. */
export interface A2aAgent {
  readonly origin: string;
  readonly cardUrl: string;
  /** What it got, as text. */
  readonly bodies: string[];
  readonly heads: IncomingMessage['headers'][];
  /** The card that it serves; a test may change it. */
  card: AgentCard;
  close(): Promise<void>;
}

/** Starts it on a free port. A message "work" begins a task that lasts until it is cancelled. */
export async function startA2aAgent(skills: readonly string[] = ['echo']): Promise<A2aAgent> {
  const executor: AgentExecutor = {
    async execute({ taskId, contextId, userMessage }, bus) {
      const [part] = userMessage.parts;
      const text = part?.content?.$case === 'text' ? part.content.value : '';
      const status = (state: TaskState) => ({ state, message: undefined, timestamp: undefined });
      bus.publish(
        AgentEvent.task({
          id: taskId,
          contextId,
          status: status(TaskState.TASK_STATE_WORKING),
          artifacts: [],
          history: [],
          metadata: undefined,
        }),
      );
      for (const word of text.split(' ')) {
        bus.publish(
          AgentEvent.artifactUpdate({
            taskId,
            contextId,
            artifact: {
              artifactId: word,
              name: word,
              description: '',
              parts: [{ content: { $case: 'text', value: word }, metadata: undefined, filename: '', mediaType: '' }],
              metadata: undefined,
              extensions: [],
            },
            append: false,
            lastChunk: true,
            metadata: undefined,
          }),
        );
      }
      if (text === 'work') return;
      bus.publish(
        AgentEvent.statusUpdate({
          taskId,
          contextId,
          status: status(TaskState.TASK_STATE_COMPLETED),
          metadata: undefined,
        }),
      );
      bus.finished();
    },
    async cancelTask(taskId, bus) {
      bus.publish(
        AgentEvent.statusUpdate({
          taskId,
          contextId: '',
          status: { state: TaskState.TASK_STATE_CANCELED, message: undefined, timestamp: undefined },
          metadata: undefined,
        }),
      );
      bus.finished();
    },
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      agent.heads.push(request.headers);
      void answered(request.method, Buffer.concat(chunks).toString(), response);
    });
  });
  async function answered(method: string | undefined, body: string, response: ServerResponse): Promise<void> {
    if (method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(AgentCard.toJSON(agent.card)));
      return;
    }
    agent.bodies.push(body);
    const isLegacy = (JSON.parse(body) as { method?: string }).method?.includes('/') === true;
    const transport = isLegacy ? legacy : rpc;
    const answer = await transport.handle(body, new ServerCallContext({ requestedVersion: isLegacy ? '0.3' : '1.0' }));
    if (!(Symbol.asyncIterator in answer)) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for await (const event of answer) response.write(formatSSEEvent(event));
    response.end();
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const card = AgentCard.fromJSON({
    name: 'Echo',
    description: 'Says it back.',
    version: '1.0.0',
    supportedInterfaces: [{ url: `${origin}/rpc`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true, extendedAgentCard: true },
    securitySchemes: { key: { apiKeySecurityScheme: { location: 'header', name: 'x-key' } } },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: skills.map((id) => ({ id, name: id, description: id, tags: [] })),
  });
  const extended = AgentCard.fromJSON({
    ...(AgentCard.toJSON(card) as object),
    skills: [...skills, 'secret'].map((id) => ({ id, name: id, description: id, tags: [] })),
  });
  const handler = new DefaultRequestHandler(
    card,
    new InMemoryTaskStore(),
    executor,
    undefined,
    undefined,
    undefined,
    extended,
  );
  const rpc = new JsonRpcTransportHandler(handler);
  const legacy = new LegacyJsonRpcTransportHandler(handler);
  const agent: A2aAgent = {
    origin,
    cardUrl: `${origin}/.well-known/agent-card.json`,
    bodies: [],
    heads: [],
    card,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return agent;
}

/** What a client sends to say `text`. */
export function saying(
  text: string,
  more: { taskId?: string; metadata?: Record<string, unknown> } = {},
): SendMessageRequest {
  return {
    tenant: '',
    configuration: undefined,
    metadata: undefined,
    message: {
      messageId: `m-${text}`,
      contextId: '',
      taskId: more.taskId ?? '',
      role: Role.ROLE_USER,
      parts: [
        {
          content: { $case: 'text', value: text },
          metadata: undefined,
          filename: '',
          mediaType: 'text/plain',
        },
      ],
      metadata: more.metadata,
      extensions: [],
      referenceTaskIds: [],
    },
  };
}
