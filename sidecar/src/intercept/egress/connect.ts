/**
 * CONNECT: one decision per tunnel. The TLS handshake has to name the host that was decided about, and nothing is sent
 * to the destination before it did.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import { endWith } from '../http/backpressure.js';
import { type Admission, isPassage, type Passage, type Wish } from './admission.js';
import { answerText, type Unreachable } from './answer.js';
import type { ClientHello } from './client-hello.js';
import type { EgressConfig } from './config.js';
import {
  type Authority,
  type Destination,
  isAddress,
  isOneOf,
  readAuthority,
  readHost,
  refusedAt,
} from './destination.js';
import type { Dial } from './dial.js';
import type { Ending, Evidence } from './evidence.js';
import type { Tunnel } from './exchange.js';
import { type HeadRules, hostAgrees, readHead } from './head.js';
import type { Ledger, Ledgers } from './ledger.js';
import { pumpBoth } from './pump.js';
import { type HelloSeen, readHello } from './read-hello.js';
import type { UnderWay } from './under-way.js';

/** Takes over the sockets of hosts whose TLS ends here. */
export interface Terminator {
  isFor(destination: Destination): boolean;
  /** Speaks TLS as the destination, and HTTP inside of it; whatever it asks for is decided there. Never rejects. */
  terminate(socket: Duplex, tunnel: Tunnel): Promise<void>;
}

/** What it needs. */
export interface ConnectOptions {
  readonly admission: Admission;
  readonly refuser: Refuser;
  readonly ledgers: Ledgers;
  readonly dial: Dial;
  readonly evidence: Evidence;
  readonly underWay: UnderWay;
  readonly behalf: BehalfReader;
  readonly rules: HeadRules;
  /** What is wrong with a client's credentials; nothing when they do. */
  readonly unauthorised: (proxyAuthorization: string | undefined) => Refusal | undefined;
  readonly terminator: Terminator | undefined;
  readonly config: Pick<EgressConfig, 'tunnels' | 'limits'>;
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
/** A fatal alert, access_denied (RFC 8446 section 6): a client that speaks TLS can tell it from a broken network. */
const ACCESS_DENIED = Buffer.from([21, 3, 3, 0, 2, 2, 49]);

/** Serves CONNECT on sockets of the HTTP server. */
export function createConnect(
  options: ConnectOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const { admission, refuser, ledgers, dial, evidence, underWay, config, terminator } = options;
  const { tunnels, limits } = config;

  return (request, socket, head) => {
    socket.on('error', () => undefined);
    // Sent before it was answered: the beginning of what the tunnel carries.
    if (head.length > 0) socket.unshift(head);
    void underWay.run((closing) =>
      serve(request, socket, closing).catch((thrown: unknown) => {
        refuser.fault(thrown);
        socket.destroy();
      }),
    );
  };

  async function serve(request: IncomingMessage, socket: Duplex, closing: AbortSignal): Promise<void> {
    const tunnel = readConnect(request);
    if ('kind' in tunnel) return refuse(socket, undefined, tunnel);
    const { destination, behalf } = tunnel;
    const isPlain = destination.scheme === 'tcp';
    if (!isPlain && terminator?.isFor(destination) === true) return intercept(terminator, socket, tunnel, closing);
    // Where TLS ends here, each request inside may still name its user.
    const lacking = options.behalf.lacks(behalf);
    if (lacking !== undefined) return refuse(socket, destination, invalid(lacking.problem, 400));
    const wish: Wish = { destination, behalf, bytes: Math.min(limits.bytesPerDecision, limits.maxUploadBytes) };
    const passage = await admission.ask(wish);
    if (!isPassage(passage)) return refuse(socket, destination, passage);
    const ledger = ledgers(passage, wish);
    const shutDown = (): void => ledger.stop('shutdown');
    closing.addEventListener('abort', shutDown);
    if (closing.aborted) shutDown();
    try {
      ledger.close(await carry(socket, passage, ledger, isPlain));
    } catch (thrown) {
      ledger.close('upstream_failed');
      throw thrown;
    } finally {
      closing.removeEventListener('abort', shutDown);
    }
  }

  async function carry(socket: Duplex, passage: Passage, ledger: Ledger, isPlain: boolean): Promise<Ending> {
    // Once bytes move, whoever moves them sees it.
    const left = (): void => ledger.stop('client_left');
    socket.once('close', left);
    if (socket.destroyed) left();
    const upstream = await dial(passage, ledger.signal).catch(() => undefined);
    if (upstream === undefined) {
      const outcome = ledger.refusal ?? unreachable(passage);
      refuse(socket, passage.destination, outcome);
      return 'upstream_failed';
    }
    ledger.connected(upstream.remoteAddress);
    socket.write(ESTABLISHED);
    if (!isPlain) {
      const seen = await readHello(socket, tunnels, ledger.signal);
      const refusal = judge(seen, passage.destination, passage.permit.decision_id);
      if (seen.kind === 'hello') ledger.greeted(seen.hello);
      if (refusal !== undefined) {
        upstream.destroy();
        turnAway(socket, seen, passage.destination, refusal);
        return seen.kind === 'gone' ? 'client_left' : 'handshake_refused';
      }
    }
    socket.off('close', left);
    return pumpBoth(socket, upstream, ledger);
  }

  async function intercept(
    terminator: Terminator,
    socket: Duplex,
    tunnel: Tunnel,
    closing: AbortSignal,
  ): Promise<void> {
    const { destination } = tunnel;
    socket.write(ESTABLISHED);
    const seen = await readHello(socket, tunnels, closing);
    const refusal = judge(seen, destination, undefined);
    if (refusal === undefined) await terminator.terminate(socket, tunnel);
    else turnAway(socket, seen, destination, refusal);
  }

  function readConnect(request: IncomingMessage): Tunnel | Refusal {
    const head = readHead(request, options.rules);
    if (!head.ok) return invalid(head.message, head.status);
    const authority = readAuthority(request.url ?? '');
    if (authority === undefined) return invalid('CONNECT must name a host and a port that are beyond doubt', 400);
    if (head.length !== 0) return invalid('CONNECT has no body', 400, authority);
    if (!hostAgrees(head, authority, undefined)) return invalid('the Host header names another host', 400, authority);
    const unauthorised = options.unauthorised(head.fields.get('proxy-authorization'));
    if (unauthorised !== undefined) return unauthorised;
    const isPlain = tunnels.plain.some(
      ({ host, ports }) => isOneOf(authority.host, [host]) && ports.includes(authority.port),
    );
    const behalf = options.behalf.ofHeaders(head.rawHeaders);
    if (!isBehalf(behalf)) return invalid(behalf.problem, 400);
    return { destination: { scheme: isPlain ? 'tcp' : 'https', ...authority }, behalf };
  }

  /** What is wrong with a handshake; nothing when it is about the host that was decided. */
  function judge(seen: HelloSeen, destination: Destination, decision_id: string | undefined): Refusal | undefined {
    const message = seen.kind === 'hello' ? disagreement(seen.hello, destination) : DOUBTS[seen.kind];
    if (message === undefined) return undefined;
    const target = refusedAt(destination, 'CONNECT');
    return refuser.refuse('REQUEST_INVALID', { message, decision_id, target, reason_code: 'EGRESS_TLS_HANDSHAKE' });
  }

  function disagreement(hello: ClientHello, destination: Destination): string | undefined {
    const { serverName } = hello;
    if (hello.hasEncryptedHello && tunnels.encryptedClientHello === 'refuse') {
      return 'the TLS handshake may hide the server that it is for (encrypted ClientHello)';
    }
    if (serverName === undefined) {
      if (isAddress(destination) && tunnels.missingSni === 'addresses') return undefined;
      return 'the TLS handshake names no server';
    }
    return readHost(serverName) === destination.host
      ? undefined
      : 'the TLS handshake names another server than CONNECT';
  }

  function turnAway(socket: Duplex, seen: HelloSeen, destination: Destination, refusal: Refusal): void {
    evidence.blocked(destination, 'CONNECT', refusal);
    if (seen.kind === 'hello') endWith(socket, ACCESS_DENIED);
    else socket.destroy();
  }

  function refuse(socket: Duplex, destination: Destination | undefined, outcome: Refusal | Unreachable): void {
    evidence.blocked(destination, 'CONNECT', outcome);
    endWith(socket, answerText(outcome));
  }

  function invalid(message: string, httpStatus: number, authority?: Authority): Refusal {
    const target = authority === undefined ? { operation: 'CONNECT' } : refusedAt(authority, 'CONNECT');
    return refuser.refuse('REQUEST_INVALID', { message, httpStatus, target });
  }
}

function unreachable({ permit }: Passage): Unreachable {
  return {
    kind: 'unreachable',
    status: 502,
    code: 'UPSTREAM_UNREACHABLE',
    message: 'no address of the host accepted a connection',
    decision_id: permit.decision_id,
  };
}

const DOUBTS = {
  not_tls: 'the tunnel carries something else than TLS',
  malformed: 'the TLS handshake is malformed',
  late: 'the TLS handshake did not begin in time',
  too_large: 'the beginning of the TLS handshake is larger than accepted',
  gone: 'the client left before its TLS handshake',
} as const;
