/** Answers that take long: an event stream that is begun before it is known what will be in it. */

import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What is copied to be written at once. */
const ONE_WRITE_BYTES = 65_536;

/** One event. Whatever ends a line in SSE begins a data line: JSON has such characters between its tokens only. */
export function sseEvent(data: string | Buffer): Buffer {
  const lines = data.toString().split(/\r\n|\n|\r/);
  return Buffer.from(`${lines.map((line) => `data: ${line}`).join('\n')}\n\n`);
}

/** Begins the stream, so that the client knows that somebody is there. */
export function beginEvents(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
}

/**
 * Answers with JSON; as the last event where the answer has begun as a stream, whose status stands. Nothing when it has
 * been answered, or the client is gone.
 */
export function answerJson(
  response: ServerResponse,
  status: number,
  json: string | Buffer,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    response.end(sseEvent(json));
    return;
  }
  const fields: OutgoingHttpHeader[] = ['content-type', 'application/json', 'content-length', Buffer.byteLength(json)];
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) fields.push(name, value);
  response.writeHead(status, fields);
  // With a string the head and the body are one write; latin1 is one character for each byte.
  if (typeof json !== 'string' && json.length <= ONE_WRITE_BYTES) response.end(json.toString('latin1'), 'latin1');
  else response.end(json);
}
