/** Between node:http and the web's Request and Response. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request with its body, as far as there is one. */
export interface WebRequest {
  readonly request: Request;
  readonly body: string;
}

/** Reads it whole; its signal is aborted when the client leaves. */
export async function toWeb(incoming: IncomingMessage, response: ServerResponse): Promise<WebRequest> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, String(value));
  }
  const body = Buffer.concat(chunks).toString();
  const url = `http://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`;
  const method = incoming.method ?? 'GET';
  const init = { method, headers, signal: gone.signal };
  return { request: new Request(url, body === '' ? init : { ...init, body }), body };
}

/** Writes an answer as it comes; a client that leaves cancels it. */
export async function fromWeb(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  const reader = answer.body?.getReader();
  response.on('close', () => void reader?.cancel().catch(() => undefined));
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    response.write(value);
  }
  response.end();
}
