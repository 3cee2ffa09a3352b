/** What a request's head must satisfy before its body is read (reliability §5, HTTP table). */

import { RPC_CODE } from '../../enforce/refuse.js';
import { type CallerRules, contentProblem, readHeadFields } from '../http/head-fields.js';
import { type RestTarget, readRestTarget } from './rest.js';

/** A head that will not do. */
export interface BadHead {
  readonly ok: false;
  readonly status: number;
  readonly rpcCode: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An acceptable head: a message for a peer in either binding, or a look at its card. */
export interface Head {
  readonly ok: true;
  readonly wants: 'message' | 'card';
  /** What the request line asks for, where the message is in the HTTP+JSON binding. */
  readonly rest: RestTarget | undefined;
  /** The peer's name, from the path. */
  readonly peer: string;
  /** As whom we were addressed, e.g. `127.0.0.1:9300`. */
  readonly host: string;
  /** Lower-case names; each at most once where a second would matter. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Who may speak to us, about whom. */
export interface HeadRules extends CallerRules {
  readonly peers: ReadonlySet<string>;
}

/** Names of a card, of this and of older revisions. */
const CARD_PATHS: ReadonlySet<string> = new Set(['/.well-known/agent-card.json', '/.well-known/agent.json']);
/** Several fields of these names are one list, as HTTP has it; of others a second would be read by someone else than us. */
const LISTS: ReadonlySet<string> = new Set([
  'accept',
  'a2a-extensions',
  'cookie',
  'cache-control',
  'tracestate',
  'via',
]);
const PATH = /^\/a2a\/([A-Za-z0-9_-]{1,64})(\/[^#]*)?$/;

/** Checks the request line and header fields. */
export function readHead(
  request: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly rawHeaders: readonly string[];
  },
  rules: HeadRules,
): Head | BadHead {
  const { headers, bad: unfit } = readHeadFields(request.rawHeaders, rules, (name) => LISTS.has(name));
  if (unfit !== undefined) return bad(unfit.status, unfit.message);
  const host = headers.get('host') ?? '';
  if (headers.has('upgrade')) return bad(400, 'upgrades are not supported');

  // Compared as it is: no decoding, no normalising, no query.
  const [, peer = '', rest = ''] = PATH.exec(request.url ?? '') ?? [];
  if (!rules.peers.has(peer)) return bad(404, 'no such agent: expected /a2a/<peer>, with a peer that is configured');
  if (CARD_PATHS.has(rest)) {
    if (request.method !== 'GET') return bad(405, 'a card is read with GET', { allow: 'GET' });
    const length = headers.get('content-length') ?? '0';
    if (headers.has('transfer-encoding') || length !== '0') return bad(400, 'no body expected');
    return { ok: true, wants: 'card', rest: undefined, peer, host, headers };
  }
  const type = (headers.get('content-type') ?? '').toLowerCase().replaceAll(/\s/g, '');
  if (type.startsWith('application/grpc')) return bad(415, `the gRPC binding is not spoken here; ${BINDING}`);
  const target = rest === '' || rest === '/' ? undefined : readRestTarget(request.method ?? '', rest);
  if (target?.ok === false) return bad(target.status, target.problem);
  if (target === undefined && request.method !== 'POST')
    return bad(405, 'a message is sent with POST', { allow: 'POST' });
  const accepted: Head = { ok: true, wants: 'message', rest: target, peer, host, headers };
  const hasBody = headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0';
  if (target?.body === 'none' && hasBody) return bad(400, 'no body expected');
  // Clients name a type for nothing, too.
  if (target !== undefined && target.body !== 'required' && !hasBody) return accepted;
  const named = target !== undefined && REST_TYPES.has(type) ? new Map([...headers, JSON_TYPE]) : headers;
  const problem = contentProblem(named);
  return problem === undefined ? accepted : bad(problem.status, problem.message);
}

const BINDING = 'use one of the bindings that the agent card names';
const JSON_TYPE = ['content-type', 'application/json'] as const;
const REST_TYPES: ReadonlySet<string> = new Set(['application/a2a+json', 'application/a2a+json;charset=utf-8']);

function bad(status: number, message: string, headers?: Readonly<Record<string, string>>): BadHead {
  const rpcCode = RPC_CODE.invalidRequest;
  return { ok: false, status, rpcCode, message, ...(headers === undefined ? {} : { headers }) };
}
