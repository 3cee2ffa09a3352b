import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpError } from '@modelcontextprotocol/sdk/types.js';

/** What one tool call came to, as the official client saw it. */
export type CallOutcome =
  | { readonly kind: 'result'; readonly text: string; readonly ms: number }
  | {
      readonly kind: 'denied';
      readonly code: string;
      readonly reasonCode?: string;
      readonly message: string;
      readonly decisionId?: string;
      readonly ms: number;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly ms: number };

/** An MCP client behind a sidecar. */
export interface DemoClient {
  call(tool: string, args: Record<string, unknown>): Promise<CallOutcome>;
  close(): Promise<void>;
}

interface DenialData {
  readonly code?: string;
  readonly reason_code?: string;
  readonly message?: string;
  readonly decision_id?: string;
}

function wrap(client: Client): DemoClient {
  return {
    async call(tool, args) {
      const begun = performance.now();
      const ms = (): number => performance.now() - begun;
      try {
        const result = await client.callTool({ name: tool, arguments: args });
        const [first] = result.content as readonly { readonly type: string; readonly text?: string }[];
        const text = first?.text ?? '';
        return result.isError === true
          ? { kind: 'failed', message: text, ms: ms() }
          : { kind: 'result', text, ms: ms() };
      } catch (error: unknown) {
        if (error instanceof McpError) {
          const data = (error.data ?? {}) as DenialData;
          if (data.code !== undefined) {
            return {
              kind: 'denied',
              code: data.code,
              message: data.message ?? error.message,
              ms: ms(),
              ...(data.reason_code === undefined ? {} : { reasonCode: data.reason_code }),
              ...(data.decision_id === undefined ? {} : { decisionId: data.decision_id }),
            };
          }
        }
        return { kind: 'failed', message: error instanceof Error ? error.message : String(error), ms: ms() };
      }
    },
    close: () => client.close(),
  };
}

const INFO = { name: 'portcullis-demo', version: '1.0.0' };

/** Connects the official client over Streamable HTTP. */
export async function connectHttp(url: string): Promise<DemoClient> {
  const client = new Client(INFO);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return wrap(client);
}

/** Connects the official client to a stdio server: `command` is the sidecar's wrapper around it. */
export async function connectStdio(command: string, args: readonly string[]): Promise<DemoClient> {
  const client = new Client(INFO);
  await client.connect(new StdioClientTransport({ command, args: [...args], stderr: 'pipe' }));
  return wrap(client);
}
