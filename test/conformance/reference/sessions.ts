/** Sessions of the 2025-11-25 revision, each with a server, a transport and the events it has sent. */
import { randomUUID } from 'node:crypto';
import {
  type EventStore,
  isInitializeRequest,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';

/** Serves requests of the revisions with sessions. */
export type SessionHost = (request: Request, body: unknown) => Promise<Response>;

/** Sessions that live until they are deleted. */
export function createSessionHost(createServer: () => McpServer, retryMs: number): SessionHost {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

  async function open(): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: createEventStore(),
      retryInterval: retryMs,
      onsessioninitialized: (id) => {
        sessions.set(id, transport);
      },
      onsessionclosed: (id) => {
        sessions.delete(id);
      },
    });
    await createServer().connect(transport);
    return transport;
  }

  return async (request, body) => {
    const id = request.headers.get('mcp-session-id');
    if (id === null && !isInitializeRequest(body)) return failure(400, -32000, 'a session id is required');
    const transport = id === null ? await open() : sessions.get(id);
    if (transport === undefined) return failure(404, -32001, 'no such session');
    return transport.handleRequest(request, body === undefined ? {} : { parsedBody: body });
  };
}

function failure(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}

/** Keeps every event of a session; an id is its stream and its number. */
function createEventStore(): EventStore {
  const events: { readonly stream: string; readonly message: Parameters<EventStore['storeEvent']>[1] }[] = [];
  return {
    async storeEvent(stream, message) {
      events.push({ stream, message });
      return `${stream}/${events.length}`;
    },
    async replayEventsAfter(last, { send }) {
      const cut = last.lastIndexOf('/');
      const stream = last.slice(0, cut);
      const seen = Number(last.slice(cut + 1));
      for (const [index, event] of events.entries()) {
        // The event that opens a stream has no message.
        const isMessage = Object.keys(event.message).length > 0;
        if (index >= seen && event.stream === stream && isMessage) await send(`${stream}/${index + 1}`, event.message);
      }
      return stream;
    },
  };
}
