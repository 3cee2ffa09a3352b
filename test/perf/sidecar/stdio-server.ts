/** An MCP server on standard input and output that gives back the arguments of every call. */
import { createInterface } from 'node:readline';
import { TOOLS } from './calls.js';

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as {
    readonly id?: unknown;
    readonly method: string;
    readonly params?: { readonly arguments?: unknown };
  };
  if (id === undefined) return;
  const results: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'bench', version: '1.0.0' },
    },
    'tools/list': { tools: TOOLS },
  };
  const result = results[method] ?? { content: [{ type: 'text', text: JSON.stringify(params?.arguments ?? {}) }] };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
});
