/** MCP servers that answer each method with a fixed result, and remember what they were asked. */

import { answerJson, type RecordingUpstream, recordingUpstream } from './recording-upstream.js';

/** Results by method; a number is the code of an error, and what is not there is an unknown method. */
export type Results = Readonly<Record<string, object | number>>;

/** One of them. */
export interface ScriptedServer {
  readonly name: string;
  readonly upstream: RecordingUpstream;
  results: Results;
  /** What it was asked, as method and name, URI or task where it has one. */
  asked(): readonly string[];
}

/** Starts one. */
export async function scriptedServer(name: string, results: Results): Promise<ScriptedServer> {
  const server: ScriptedServer = {
    name,
    results,
    upstream: await recordingUpstream(({ body }, response) => {
      const { id, method } = JSON.parse(body) as { readonly id?: number; readonly method: string };
      if (id === undefined) return void response.writeHead(202).end();
      const result = server.results[method] ?? -32601;
      const error = { code: result, message: 'no' };
      return answerJson(
        response,
        typeof result === 'number' ? { jsonrpc: '2.0', id, error } : { jsonrpc: '2.0', id, result },
      );
    }),
    asked: () =>
      server.upstream.requests.map(({ body }) => {
        const { method, params = {} } = JSON.parse(body) as {
          readonly method: string;
          readonly params?: Readonly<Record<string, string>>;
        };
        const named = params['name'] ?? params['uri'] ?? params['taskId'];
        return named === undefined ? method : `${method} ${named}`;
      }),
  };
  return server;
}
