/** What an agent is told when there is no connection: the same over CONNECT, plain HTTP and interception. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { finished } from 'node:stream';
import type { Refusal } from '../../enforce/refuse.js';

/** Allowed, and still not to be had. */
export interface Unreachable {
  readonly kind: 'unreachable';
  readonly status: 502 | 504;
  readonly code: UnreachableCode;
  readonly message: string;
  readonly decision_id?: string;
}

/** Thrown where there is no answer and it is known why. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  readonly why: Pick<Unreachable, 'status' | 'code' | 'message'>;

  constructor(why: Unanswered['why'], cause?: unknown) {
    super(why.message, { cause });
    this.why = why;
  }
}

/** Why what was allowed could not be had. */
export type UnreachableCode =
  | 'UPSTREAM_UNRESOLVED'
  | 'UPSTREAM_UNREACHABLE'
  | 'UPSTREAM_NOT_TRUSTED'
  | 'UPSTREAM_FAILED';

/** An answer without its framing. */
export interface Answer {
  readonly status: number;
  /** Shown by clients that show nothing else, so it has the code. */
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** RFC 9457, whichever client asks; `detail` is a sentence for people. */
export function answerOf(outcome: Refusal | Unreachable): Answer {
  const isRefused = outcome.kind === 'refusal';
  const status = isRefused ? outcome.httpStatus : outcome.status;
  const { code, message, decision_id } = outcome;
  const document = {
    type: `urn:portcullis:${isRefused ? 'denial' : 'upstream'}:${code}`,
    title: isRefused ? TITLES[outcome.outcome] : 'The destination could not be reached',
    status,
    code,
    detail: message,
    ...(isRefused ? { outcome: outcome.outcome } : {}),
    ...(isRefused && outcome.reason_code !== undefined ? { reason_code: outcome.reason_code } : {}),
    ...(isRefused && outcome.path !== undefined ? { path: outcome.path } : {}),
    ...(decision_id === undefined ? {} : { decision_id }),
    ...(isRefused && outcome.hold !== undefined ? { hold: { ...outcome.hold } } : {}),
  };
  return {
    status,
    reason: `${STATUS_CODES[status] ?? 'Refused'} (${reasonOf(outcome)})`,
    headers: {
      'content-type': 'application/problem+json',
      ...(status === 407 ? { 'proxy-authenticate': 'Basic realm="portcullis"' } : {}),
    },
    body: `${JSON.stringify(document, undefined, 2)}\n`,
  };
}

const TITLES = {
  denied: 'The connection is not allowed',
  held: 'The connection waits for a person to approve it',
  invalid: 'The request is not acceptable',
  failed_closed: 'No decision could be had or enforced',
} as const;

/** The author's code where it can stand in a status line. */
function reasonOf(outcome: Refusal | Unreachable): string {
  const own = outcome.kind === 'refusal' ? outcome.reason_code : undefined;
  return own !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(own) ? own : outcome.code;
}

/** The whole answer, for a socket that speaks no HTTP any more; the connection ends with it. */
export function answerText(outcome: Refusal | Unreachable): string {
  const { status, reason, headers, body } = answerOf(outcome);
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`;
}

/** Answers a request, if it was not answered yet. */
export function respond(response: ServerResponse, outcome: Refusal | Unreachable): void {
  if (!begin(response, outcome)) return;
  response.end();
}

/** What a client gets to read an answer that came before its request was over, ms. */
const LAST_WORDS_MS = 1_000;

/**
 * The same, for a request whose body was not read. The connection ends with the answer, and to end it on bytes that are still
 * coming would take the answer back (TCP), so they are thrown away for a while. Resolves when the answer is over. Never rejects.
 */
export async function turnAway(
  request: IncomingMessage,
  response: ServerResponse,
  outcome: Refusal | Unreachable,
): Promise<void> {
  if (!response.headersSent) response.setHeader('connection', 'close');
  if (!begin(response, outcome)) return;
  if (!request.complete) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LAST_WORDS_MS);
      finished(request.resume(), () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  response.end();
}

/** Says everything but that it was everything. */
function begin(response: ServerResponse, outcome: Refusal | Unreachable): boolean {
  if (response.destroyed || response.headersSent) return false;
  const { status, reason, headers, body } = answerOf(outcome);
  response.writeHead(status, reason, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  response.write(body);
  return true;
}
