/**
 * A distributor that lies: it speaks with a valid certificate, passes everything on to the real one, and changes what
 * it is told to on the way. What a PDP makes of it is what TUF is for.
 */

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';

/** Certificate, key and CA files of one identity. */
export interface MirrorIdentity {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/**
 * Decides what is answered for one object. `bytes` is what the real distributor has, `undefined` when it has nothing.
 * Returning `undefined` answers 404; an iterable is sent chunk by chunk as it comes, without saying how much there will be.
 */
export type Mutation = (key: string, bytes: Buffer | undefined) => Buffer | AsyncIterable<Uint8Array> | undefined;

/** The running mirror. */
export interface HostileMirror {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  /** Sets what it does to objects from now on; without an argument it is honest again. */
  mutate(mutation?: Mutation): void;
  /** What was served last under each key, for replays. */
  readonly seen: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

const OBJECTS = '/v1/channel/objects/';

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Starts a mirror in front of the distributor at `target`.
 * @param serveAs the identity it shows to the PDP
 * @param askAs the PDP's own identity, with which it speaks to the real distributor
 */
export async function startHostileMirror(
  target: string,
  serveAs: MirrorIdentity,
  askAs: MirrorIdentity,
): Promise<HostileMirror> {
  let mutation: Mutation = (_key, bytes) => bytes;
  const seen = new Map<string, Buffer>();
  const upstream = new Agent({
    connect: {
      cert: readFileSync(askAs.certFile),
      key: readFileSync(askAs.keyFile),
      ca: readFileSync(askAs.caFile),
      checkServerIdentity: () => undefined,
    },
  });

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/';
    const body = await bodyOf(incoming);
    const reply = await request(`${target}${path}`, {
      dispatcher: upstream,
      method: incoming.method === 'POST' ? 'POST' : 'GET',
      headers: { 'content-type': incoming.headers['content-type'] ?? 'application/octet-stream' },
      ...(incoming.method === 'POST' ? { body } : {}),
    });
    const bytes = Buffer.from(await reply.body.arrayBuffer());
    if (!path.startsWith(OBJECTS)) {
      response.writeHead(reply.statusCode, { 'content-type': String(reply.headers['content-type'] ?? 'text/plain') });
      response.end(bytes);
      return;
    }
    const key = decodeURIComponent(path.slice(OBJECTS.length));
    const original = reply.statusCode === 200 ? bytes : undefined;
    const served = mutation(key, original);
    if (original !== undefined) seen.set(key, original);
    if (served === undefined) {
      response.writeHead(404).end();
    } else if (!Buffer.isBuffer(served)) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      await pipeline(Readable.from(served, { objectMode: false }), response);
    } else {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': served.length });
      response.end(served);
    }
  }

  const server = createServer(
    {
      cert: readFileSync(serveAs.certFile),
      key: readFileSync(serveAs.keyFile),
      ca: readFileSync(serveAs.caFile),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (incoming, response) => {
      answer(incoming, response).catch(() => response.destroy());
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mutate(next) {
      mutation = next ?? ((_key, bytes) => bytes);
    },
    seen,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      // Not `close`: that waits for long polls.
      await upstream.destroy();
    },
  };
}
