/** The HTTP client towards destinations: one connection per request, to a decided address; no redirects, no retries. */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Passage } from './admission.js';
import { Unanswered } from './answer.js';
import type { EgressConfig } from './config.js';
import { bareHost, type Destination } from './destination.js';
import type { Dial } from './dial.js';
import { endToEnd } from './end-to-end.js';
import type { Head } from './head.js';
import type { Ledger } from './ledger.js';

/** What is sent. */
export interface OriginRequest {
  readonly method: string;
  readonly path: string;
  readonly head: Head;
  readonly isUpgrade: boolean;
  /** Called once the connection stands; writes the body and ends it. */
  body(outgoing: Writable): void;
}

/** What came back; the body flows. */
export interface OriginReply {
  readonly status: number;
  readonly reason: string;
  readonly rawHeaders: readonly string[];
  readonly body: Readable;
  /** The connection, once it speaks another protocol, and the head of the answer that says so. */
  readonly upgraded: Duplex | undefined;
  readonly head: string;
  /** Ends the connection. */
  close(): void;
}

/** Sends a request. Rejects when there is no answer; the ledger's signal ends it at any time. */
export type Origin = (passage: Passage, request: OriginRequest, ledger: Ledger) => Promise<OriginReply>;

/** What it needs. */
export interface OriginOptions {
  readonly dial: Dial;
  readonly limits: Pick<EgressConfig['limits'], 'answerTimeoutMs' | 'connectTimeoutMs' | 'maxHeaderBytes'>;
  /** Authorities of TLS destinations, PEM; Node's own list when absent. */
  readonly ca: string | undefined;
}

/** Makes it. */
export function createOrigin({ dial, limits, ca }: OriginOptions): Origin {
  return async (passage, { method, path, head, isUpgrade, body }, ledger) => {
    const { destination } = passage;
    const plain = await dial(passage, ledger.signal);
    ledger.connected(plain.remoteAddress);
    const isSecure = destination.scheme === 'https' || destination.scheme === 'wss';
    const socket = isSecure ? await secure(plain, destination, ledger.signal) : plain;
    const outgoing = httpRequest({
      // The connection that was dialled, and no agent that might take another.
      createConnection: () => socket,
      method,
      path,
      headers: headersFor(head, destination, isUpgrade),
      setHost: false,
      maxHeaderSize: limits.maxHeaderBytes,
      insecureHTTPParser: false,
    });
    outgoing.maxHeadersCount = 0;
    const leave = (): void => {
      outgoing.destroy();
      socket.destroy();
    };
    ledger.signal.addEventListener('abort', leave);
    const close = (): void => {
      ledger.signal.removeEventListener('abort', leave);
      leave();
    };
    try {
      if (ledger.signal.aborted) throw new Error('given up');
      const answered = answerTo(outgoing, isUpgrade, limits.answerTimeoutMs);
      body(outgoing);
      return { ...(await answered), close };
    } catch (thrown) {
      close();
      throw thrown;
    }
  };

  /** Who the destination is, is verified strictly; the agent has no say in it. */
  function secure(plain: Socket, destination: Destination, signal: AbortSignal): Promise<Socket> {
    const host = bareHost(destination);
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        socket: plain,
        host,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca }),
        ALPNProtocols: ['http/1.1'],
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
      });
      const timer = setTimeout(() => socket.destroy(new Error('no TLS in time')), limits.connectTimeoutMs);
      const leave = (): void => {
        socket.destroy(new Error('given up'));
      };
      signal.addEventListener('abort', leave);
      const settled = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
      };
      const failed = (error: NodeJS.ErrnoException): void => {
        settled();
        socket.destroy();
        plain.destroy();
        const message = `TLS with the host failed (${error.code ?? 'handshake'})`;
        reject(new Unanswered({ status: 502, code: 'UPSTREAM_NOT_TRUSTED', message }, error));
      };
      socket.once('error', failed);
      socket.once('secureConnect', () => {
        settled();
        socket.off('error', failed);
        socket.on('error', () => undefined);
        resolve(socket);
      });
      if (signal.aborted) leave();
    });
  }
}

function headersFor(head: Head, destination: Destination, isUpgrade: boolean): string[] {
  // As it was decided, whatever its spelling was.
  const passed: string[] = ['Host', hostField(destination)];
  const given = endToEnd(head.rawHeaders);
  for (let at = 0; at + 1 < given.length; at += 2) {
    const name = given[at] ?? '';
    if (name.toLowerCase() !== 'host') passed.push(name, given[at + 1] ?? '');
  }
  if (head.length === 'chunked') passed.push('transfer-encoding', 'chunked');
  // Or Node would announce a body that does not come.
  else if (!head.fields.has('content-length') && !BODILESS.has(head.method)) passed.push('content-length', '0');
  if (isUpgrade) passed.push('connection', 'Upgrade', 'upgrade', 'websocket');
  else passed.push('connection', 'close');
  return passed;
}

const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

function hostField({ scheme, host, port }: Destination): string {
  const isDefault = port === (scheme === 'https' || scheme === 'wss' ? 443 : 80);
  return isDefault ? host : `${host}:${port}`;
}

function answerTo(outgoing: ClientRequest, isUpgrade: boolean, timeoutMs: number): Promise<Omit<OriginReply, 'close'>> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    outgoing.once('finish', () => {
      const late = { status: 504, code: 'UPSTREAM_FAILED', message: 'the host did not answer in time' } as const;
      timer = setTimeout(() => outgoing.destroy(new Unanswered(late)), timeoutMs);
    });
    const answered = (incoming: IncomingMessage, upgraded: Duplex | undefined): void => {
      clearTimeout(timer);
      resolve({
        status: incoming.statusCode ?? 0,
        reason: incoming.statusMessage ?? '',
        rawHeaders: endToEnd(incoming.rawHeaders),
        body: incoming,
        upgraded,
        head: upgraded === undefined ? '' : switching(incoming),
      });
    };
    outgoing.once('response', (incoming) => answered(incoming, undefined));
    outgoing.once('upgrade', (incoming, socket, first) => {
      if (!isUpgrade || incoming.headers.upgrade?.toLowerCase() !== 'websocket') {
        socket.destroy();
        return reject(new Error('an upgrade that nobody asked for'));
      }
      if (first.length > 0) socket.unshift(first);
      return answered(incoming, socket);
    });
    // Stays: a failure after the answer is seen by whoever reads the body.
    outgoing.on('error', reject);
    outgoing.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection ended without an answer'));
    });
  });
}

function switching(incoming: IncomingMessage): string {
  const given = endToEnd(incoming.rawHeaders);
  let text = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
  for (let at = 0; at + 1 < given.length; at += 2) text += `${given[at]}: ${given[at + 1]}\r\n`;
  return `${text}\r\n`;
}
