/** A proxy that changes what passes through it: proof that the comparison of two suite runs can fail. */
import { createServer, request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One way to be no honest proxy; whatever is absent passes as it is. */
export interface Tampering {
  readonly name: string;
  /** Replaces in what the server says, chunk by chunk. */
  readonly answer?: readonly [RegExp, string];
  /** Replaces in what the client says. */
  readonly question?: readonly [RegExp, string];
  readonly status?: (status: number) => number;
  readonly answerHeaders?: (headers: IncomingHttpHeaders) => OutgoingHttpHeaders;
  readonly questionHeaders?: (headers: IncomingHttpHeaders) => OutgoingHttpHeaders;
}

/** A running proxy. */
export interface TamperingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it in front of an MCP endpoint. */
export async function startTamperingProxy(upstream: string, tampering: Tampering): Promise<TamperingProxy> {
  const target = new URL(upstream);
  const change = (text: string, rule: readonly [RegExp, string] | undefined): string =>
    rule === undefined ? text : text.replaceAll(rule[0], rule[1]);
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { 'content-length': _length, ...headers } = incoming.headers;
      const passed = httpRequest(
        target,
        {
          method: incoming.method,
          headers: tampering.questionHeaders?.(headers) ?? headers,
        },
        (reply) => {
          const { 'content-length': _replyLength, ...answered } = reply.headers;
          const status = reply.statusCode ?? 502;
          outgoing.writeHead(tampering.status?.(status) ?? status, tampering.answerHeaders?.(answered) ?? answered);
          outgoing.flushHeaders();
          reply.on('data', (chunk: Buffer) => outgoing.write(change(chunk.toString(), tampering.answer)));
          reply.on('end', () => outgoing.end());
          reply.on('error', () => outgoing.destroy());
        },
      );
      passed.on('error', () => outgoing.destroy());
      outgoing.on('close', () => passed.destroy());
      passed.end(change(Buffer.concat(chunks).toString(), tampering.question));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
