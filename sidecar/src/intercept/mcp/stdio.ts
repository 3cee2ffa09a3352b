/**
 * The stdio wrapper: reads the agent's messages from one stream and the server's from another, decides, and passes on.
 * Each direction keeps its order; what waits for a decision holds up only what follows it towards the server.
 */

import type { Readable, Writable } from 'node:stream';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import { type BehalfReader, isBehalf } from '../../behalf/behalf.js';
import { type Account, createAccounts, giveBack } from '../../enforce/account.js';
import { type Attempt, type Guard, isRefusal } from '../../enforce/guard.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import { redactMessage } from '../../redact/message.js';
import type { ExchangeObserver, RelayOutcome } from '../exchange-outcome.js';
import { writeSlowly } from '../http/backpressure.js';
import type { Child } from './child.js';
import { OwnRequestRefused, PAGE_TIMEOUT_MS, pageRequest } from './definitions/fetch-page.js';
import type { ToolDefinitions, ToolPage } from './definitions/tool-definitions.js';
import type { BadHead } from './head.js';
import { type ProtocolVersion, readInlineVersion } from './headers.js';
import { elicitsUrl } from './held/call.js';
import { type Admitted, type Holds, type Instead, isInstead, type Party } from './held/holds.js';
import { type Finding, type Inspector, upstreamError } from './inspect.js';
import { createLineReader } from './lines.js';
import {
  idKey,
  isRpcId,
  type RpcId,
  type RpcMessage,
  type RpcRequest,
  type RpcResponse,
  readMessage,
} from './message.js';
import type { Era } from './methods.js';
import { createSession, type Waiting } from './sessions.js';
import { type AttemptMaker, CALL_TOOL, isAttempt, LIST_TOOLS, type Sighting, withDefinition } from './to-attempt.js';
import { refusalError, rpcError } from './to-response.js';

/** What the wrapper needs. */
export interface StdioOptions {
  readonly guard: Guard;
  /** Decides what may be held for people. */
  readonly holds: Holds;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly behalf: BehalfReader;
  readonly attempts: AttemptMaker;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly inspector: Inspector;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly child: Child;
  readonly tools: ToolDefinitions;
  /** From the agent. */
  readonly input: Readable;
  /** To the agent; nothing but MCP messages is written to it. */
  readonly output: Writable;
  readonly minimumVersion: ProtocolVersion;
  readonly maxMessageBytes: number;
  /** Messages of the agent that may wait at once; reading pauses beyond. */
  readonly maxPending: number;
}

/** Names a request that may still wait. */
const CANCELLED = 'notifications/cancelled';

/** Requests that need no answer any more, cancelled or cut off, for which one is waited; beyond, the oldest leaves room. */
const MAX_UNWANTED = 256;

const UNREDACTED = 'its answer could not be redacted';

interface Open {
  readonly id: RpcId;
  readonly era: Era;
  readonly permit: Permit;
  readonly account: Account;
  /** It is over: nobody need cut it off. */
  readonly over: () => void;
  /** Cut off: told, and settled. It stays until it is answered, so that nobody else gets its answer. */
  isCut: boolean;
  /** What is left of its answer, where that is a list of tools. */
  readonly shown?: (bytes: Buffer) => Promise<Buffer>;
}

/** A message of the agent that was decided. */
interface Said {
  readonly id: RpcId | undefined;
  readonly made: Attempt;
  readonly seen: Sighting;
  /** Resolved when what was said before has gone. */
  readonly turn: Promise<void>;
  readonly method?: string;
}

/** Runs until the agent closes its side or the server ends. Never rejects for what either of them says. */
export async function runStdio(options: StdioOptions): Promise<void> {
  const { guard, holds, refuser, attempts, inspector, child, tools, clock, log, minimumVersion, maxMessageBytes } =
    options;
  const session = createSession(true);
  /** Aborted when the agent is. */
  const gone = new AbortController();
  const openAccount = createAccounts(options.client, clock);
  const open = new Map<string, Open>();
  /** Of those, the ones that a server need not answer any more. */
  const unwantedOpen = new Set<string>();
  // Requests of the server that are being decided; its own cancellation makes them moot.
  const deciding = new Map<string, { cancelled: boolean }>();
  // Requests of our own, which the agent knows nothing of.
  const own = new Map<string, (answer: RpcResponse) => void>();
  let era: Era = 'legacy';

  async function say(text: string | Buffer): Promise<void> {
    // One write per message: two could be parted by another message.
    await writeSlowly(options.output, `${text.toString()}\n`);
  }

  function settle(account: Account, outcome: RelayOutcome): void {
    options.observer.carriedOut('mcp_proxy', outcome);
    options.observer.took(account.elapsedMs() / 1000);
    account.settle(outcome);
  }

  async function invalid(
    id: RpcId | undefined,
    message: string,
    rpcCode: number = RPC_CODE.invalidRequest,
  ): Promise<void> {
    await say(refusalError(id, refuser.refuse('REQUEST_INVALID', { message, rpcCode })));
  }

  /** The versions that would do go along: by them a client finds one that both of us speak. */
  async function badVersion(id: RpcId | undefined, bad: BadHead): Promise<void> {
    const refusal = refuser.refuse('REQUEST_INVALID', { message: bad.message, rpcCode: bad.rpcCode });
    await say(bad.data === undefined ? refusalError(id, refusal) : rpcError(id, bad.rpcCode, bad.message, bad.data));
  }

  /** What the agent said: decided at once, forwarded when its turn has come. Returns the forwarding. */
  async function fromAgent(bytes: Buffer, turn: Promise<void>): Promise<void> {
    const read = readMessage(bytes, { maxBytes: maxMessageBytes });
    if (!read.ok) return invalid(read.id, read.message, read.rpcCode);
    const id = read.message.kind === 'request' ? read.message.id : undefined;
    const spoken = readInlineVersion(read.message, minimumVersion);
    if (!spoken.ok) return badVersion(id, spoken);
    if (read.message.kind === 'response') return agentAnswer(read.message, turn);
    const said = options.behalf.ofMessage(read.message, options.behalf.own);
    const doubt = isBehalf(said) ? options.behalf.lacks(said.behalf) : said;
    // A notification has no answer, not even a refusing one.
    if (doubt !== undefined && id === undefined)
      return void refuser.refuse('REQUEST_INVALID', { message: doubt.problem });
    if (!isBehalf(said) || doubt !== undefined) return invalid(id, doubt?.problem ?? '');
    const { message: bare, behalf } = said;
    if (bare.kind === 'request') era = spoken.era;
    const seen: Sighting = {
      server: child.name,
      direction: 'client_to_server',
      era: bare.kind === 'request' ? spoken.era : era,
      protocolVersion: spoken.version,
      sessionId: undefined,
      behalf,
    };
    const admitted = bare.kind === 'request' ? holds.admit(bare, seen) : undefined;
    if (admitted !== undefined && 'kind' in admitted) return say(refusalError(id, admitted));
    const message = admitted?.message ?? bare;
    const made = attempts.fromMessage(message, seen);
    if (!isAttempt(made)) {
      if (made.refused !== 'METHOD_UNKNOWN') {
        return invalid(id, made.message, made.refused === 'PARAMS' ? RPC_CODE.invalidParams : RPC_CODE.invalidRequest);
      }
      const unknown = refuser.refuse('METHOD_UNKNOWN', { message: made.message });
      // A notification has no answer, not even a refusing one.
      return id === undefined ? undefined : say(refusalError(id, unknown));
    }
    if (id !== undefined && !session.begin(id)) return invalid(id, 'the id is in use, or too many requests are open');
    if (message.method === 'initialize') session.elicitsUrl = elicitsUrl(message.params['capabilities']);
    const cancelled = message.method === CANCELLED ? message.params['requestId'] : undefined;
    if (isRpcId(cancelled)) session.cancel(cancelled);
    if (admitted === undefined) {
      const outcome = await guard(made);
      await carryOut(outcome, { id, made, seen, turn });
      if (isRpcId(cancelled) && !isRefusal(outcome)) needNoAnswer(idKey(cancelled));
      return undefined;
    }
    const attempt = await defined(admitted.message, made, seen, turn);
    if (isRefusal(attempt)) return carryOut(attempt, { id, made, seen, turn });
    return request(attempt, admitted, seen, turn);
  }

  /** Decides a request. What waits for people gives up its turn: what follows it does not wait with it. */
  function request(made: Attempt, admitted: Admitted, seen: Sighting, turn: Promise<void>): Promise<void> {
    const { id } = admitted.message;
    const { promise: gaveUpTurn, resolve: giveUpTurn } = Promise.withResolvers<void>();
    let waiting: Waiting | undefined;
    const party: Party = {
      elicitsUrl: session.elicitsUrl,
      tell: (approval) => session.tell(approval),
      waits() {
        waiting = session.waiting(id);
        giveUpTurn();
        return AbortSignal.any([waiting.signal, gone.signal]);
      },
      alive(notification) {
        if (notification !== undefined) void say(notification).catch(() => undefined);
      },
    };
    const done = holds
      .decide(made, admitted, seen, party)
      .then((outcome) => {
        waiting?.done();
        const isUnwanted = waiting !== undefined && (waiting.signal.aborted || gone.signal.aborted);
        return isUnwanted
          ? unwanted(outcome, id)
          : carryOut(outcome, { id, made, seen, turn, method: admitted.message.method });
      })
      .catch((thrown: unknown) => void refuser.fault(thrown));
    return Promise.race([done, gaveUpTurn]);
  }

  /** The agent is gone or has cancelled it; it has not gone to the server, and does not. */
  function unwanted(outcome: Permit | Refusal | Instead, id: RpcId): void {
    session.end(id, false);
    if (isInstead(outcome) || isRefusal(outcome)) return;
    giveBack(options.client, outcome);
  }

  async function carryOut(outcome: Permit | Refusal | Instead, said: Said): Promise<void> {
    const { id, made, seen, turn, method } = said;
    if (isInstead(outcome) || isRefusal(outcome)) {
      if (id === undefined) return undefined;
      session.end(id, false);
      return say(isInstead(outcome) ? outcome.instead : refusalError(id, outcome));
    }
    const { request } = made;
    let isCut = false;
    const over = options.open.add(request, () => {
      isCut = true;
      if (id !== undefined) void cutOff(idKey(id), outcome, request).catch(() => undefined);
    });
    await turn;
    if (isCut) {
      giveBack(options.client, outcome);
      if (id === undefined) return undefined;
      session.end(id, false);
      return say(refusalError(id, refuser.refuse('KILL_SWITCH', { request })));
    }
    const account = openAccount(outcome);
    try {
      if (id !== undefined) {
        const shown =
          method === LIST_TOOLS
            ? { shown: (said: Buffer) => tools.shown(said, { requestId: id, seen, session, permit: outcome }) }
            : {};
        open.set(idKey(id), { id, era: seen.era, permit: outcome, account, over, isCut: false, ...shown });
      }
      await child.forward(outcome);
      if (id === undefined) {
        over();
        settle(account, 'forwarded');
      }
    } catch (thrown) {
      over();
      if (id === undefined) settle(account, 'upstream_failed');
      else await failOpen(idKey(id), 'it has ended', thrown);
    }
  }

  /** A call with the digest of its tool's definition, or why it is refused without asking. */
  async function defined(
    message: RpcRequest,
    made: Attempt,
    seen: Sighting,
    turn: Promise<void>,
  ): Promise<Attempt | Refusal> {
    const { name, arguments: args = {} } = made.request.tool ?? {};
    if (message.method !== CALL_TOOL || name === undefined) return made;
    const fetch = async (cursor: string | undefined): Promise<ToolPage> => {
      // What the agent said before, a handshake for example, has to have got there.
      await turn;
      return fetchTools(message, seen, cursor);
    };
    const known = await tools.ofCall(name, { args, seen, session, fetch });
    if ('kind' in known) return known;
    return known.digest === undefined ? made : withDefinition(made, known.digest);
  }

  /** A page of the server's list, on our own account. */
  async function fetchTools(call: RpcRequest, seen: Sighting, cursor: string | undefined): Promise<ToolPage> {
    const asked = pageRequest(call, cursor);
    const made = attempts.fromMessage(asked, seen);
    if (!isAttempt(made)) throw new TypeError(made.message);
    const permit = await guard(made);
    if (isRefusal(permit)) throw new OwnRequestRefused(asked.method, permit);
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    const { promise, resolve, reject } = Promise.withResolvers<RpcResponse>();
    const timer = setTimeout(() => reject(new Error('the server did not list its tools in time')), PAGE_TIMEOUT_MS);
    try {
      own.set(idKey(asked.id), resolve);
      void child.ended.then(() => reject(new Error('the server has ended')));
      await child.forward(permit);
      const { result } = await promise;
      if (result === undefined) throw new Error('the server answered with an error');
      if (!(await account.release(result))) throw new Error('the list could not be recorded');
      outcome = 'forwarded';
      return { result };
    } finally {
      clearTimeout(timer);
      own.delete(idKey(asked.id));
      account.settle(outcome);
    }
  }

  async function agentAnswer(message: RpcResponse, turn: Promise<void>): Promise<void> {
    const permit = message.id === undefined ? undefined : session.answer(message.id);
    if (permit === undefined) {
      refuser.refuse('REQUEST_INVALID', { message: 'no open server request has this id' });
      return;
    }
    await turn;
    await child.answer(permit, JSON.stringify(message.value)).catch((thrown: unknown) => {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Answer could not be forwarded');
    });
  }

  /** Nothing where the agent was told already. */
  function closeRequest(key: string, outcome: RelayOutcome): Open | undefined {
    const request = open.get(key);
    if (request === undefined) return undefined;
    open.delete(key);
    unwantedOpen.delete(key);
    session.end(request.id, false);
    if (request.isCut) return undefined;
    request.over();
    settle(request.account, outcome);
    return request;
  }

  /** An answer may come, and is for nobody else; but a server that was told that nobody waits gives none. */
  function needNoAnswer(key: string): void {
    if (!open.has(key)) return;
    unwantedOpen.add(key);
    const [oldest] = unwantedOpen;
    if (unwantedOpen.size > MAX_UNWANTED && oldest !== undefined) closeRequest(oldest, 'upstream_failed');
  }

  /** Stopped while the server is at it: the agent is told, and does not get what the server answers. */
  async function cutOff(key: string, permit: Permit, request: CanonicalRequest): Promise<void> {
    const stopped = open.get(key);
    if (stopped?.permit !== permit || stopped.isCut) return;
    stopped.isCut = true;
    needNoAnswer(key);
    settle(stopped.account, 'upstream_failed');
    await say(refusalError(stopped.id, refuser.refuse('KILL_SWITCH', { request })));
  }

  /** @param of only this one; another may have its id by now */
  async function failOpen(key: string, what: string, thrown?: unknown, of = open.get(key)): Promise<void> {
    const request = open.get(key) === of ? closeRequest(key, 'upstream_failed') : undefined;
    if (thrown !== undefined) log.warn({ [LOG_FIELD.error]: thrown }, 'Message could not be forwarded');
    if (request !== undefined) await say(upstreamError(request.id, what));
  }

  /** The open request that a message answers. */
  function answeredBy(message: RpcMessage): Open | undefined {
    return message.kind === 'response' && message.id !== undefined ? open.get(idKey(message.id)) : undefined;
  }

  /** @param answered the request that was open when it came */
  function inspect(message: RpcMessage, answered: Open | undefined): Promise<Finding> {
    const seen = {
      server: child.name,
      era: answered?.era ?? era,
      protocolVersion: undefined,
      sessionId: undefined,
      behalf: options.behalf.own,
    };
    return inspector.inspectMessage(message, { seen, session, expects: () => answered !== undefined });
  }

  /** @param answered the request that was open when it came; another one may have its id by now */
  async function deliver(bytes: Buffer, finding: Finding, answered: Open | undefined): Promise<void> {
    if (finding.verdict === 'pass' || finding.verdict === 'replace') {
      if (answered !== undefined) {
        const isOver = (): boolean => open.get(idKey(answered.id)) !== answered || answered.isCut;
        if (isOver()) return late(answered);
        answered.account.received(bytes.length);
        const brought = finding.verdict === 'pass' ? (finding.brings ?? null) : null;
        const isReleased = await answered.account.release(brought);
        if (isOver()) return late(answered);
        if (!isReleased) return failOpen(idKey(answered.id), 'its answer could not be recorded');
        // Closed before it is delivered: once the agent has its answer it may use the id again.
        closeRequest(idKey(answered.id), 'forwarded');
      }
      await say(finding.verdict === 'pass' ? bytes : finding.instead);
      return;
    }
    log.warn({ [LOG_FIELD.reason]: finding.reason }, 'Server message was not delivered');
    if (finding.verdict === 'drop' && finding.decline !== undefined) {
      await child.decline(finding.decline.id, finding.decline.refusal).catch(() => undefined);
    }
  }

  /** An answer to what is over: answered before, or cut off, which ends with it. */
  function late(answered: Open): void {
    if (open.get(idKey(answered.id)) === answered) closeRequest(idKey(answered.id), 'upstream_failed');
    log.warn({ [LOG_FIELD.reason]: 'its request is over' }, 'Server message was not delivered');
  }

  /** A server does not say which request a message belongs to: what any open one has to be redacted of, all are. */
  async function redacted(said: Buffer): Promise<Buffer> {
    let bytes = said;
    for (const { permit } of [...open.values()]) bytes = await redactMessage(permit, bytes);
    return bytes;
  }

  /** What the server said. Only what has to be decided waits, and nothing waits for it. */
  async function fromServer(said: Buffer): Promise<void> {
    const listed = listAnsweredBy(said);
    if (listed === undefined) return allOf(said);
    if (listed === 'own') return undefined;
    const { request, shown } = listed;
    void shown(said)
      .then((bytes) => allOf(bytes, request))
      .catch((thrown: unknown) =>
        failOpen(idKey(request.id), 'its list of tools could not be checked', thrown, request),
      )
      .catch((thrown: unknown) => refuser.fault(thrown));
    return undefined;
  }

  /** The open list that a message answers, or that a request of our own was answered. Reads nothing where neither is open. */
  function listAnsweredBy(
    said: Buffer,
  ): 'own' | { readonly request: Open; readonly shown: NonNullable<Open['shown']> } | undefined {
    if (own.size === 0 && ![...open.values()].some(({ shown }) => shown !== undefined)) return undefined;
    const read = readMessage(said, { maxBytes: maxMessageBytes });
    if (!read.ok || read.message.kind !== 'response' || read.message.id === undefined) return undefined;
    const take = own.get(idKey(read.message.id));
    if (take !== undefined) {
      take(read.message);
      return 'own';
    }
    const request = open.get(idKey(read.message.id));
    return request?.shown === undefined ? undefined : { request, shown: request.shown };
  }

  /** What of it may be shown. @param known the request that it answers, where that has been found out */
  async function allOf(said: Buffer, known?: Open): Promise<void> {
    const came = readMessage(said, { maxBytes: maxMessageBytes });
    if (!came.ok) return log.warn({ [LOG_FIELD.reason]: came.message }, 'Server output was not a message');
    // Found out before the wait: after it somebody else may have the id, whose permit nothing was redacted under.
    const answered = known ?? answeredBy(came.message);
    if (answered?.isCut === true) return late(answered);
    let bytes: Buffer;
    try {
      bytes = await redacted(said);
    } catch (thrown) {
      if (answered !== undefined) return failOpen(idKey(answered.id), UNREDACTED, thrown, answered);
      return log.warn({ [LOG_FIELD.error]: thrown }, 'Server output could not be redacted');
    }
    const read = bytes === said ? came : readMessage(bytes, { maxBytes: maxMessageBytes });
    if (!read.ok) {
      if (answered !== undefined) return failOpen(idKey(answered.id), UNREDACTED, undefined, answered);
      return log.warn({ [LOG_FIELD.reason]: read.message }, 'Server output was not a message');
    }
    const { message } = read;
    if (message.kind === 'request') {
      const state = { cancelled: false };
      deciding.set(idKey(message.id), state);
      void inspect(message, undefined)
        .then(async (finding) => {
          deciding.delete(idKey(message.id));
          if (!state.cancelled) await deliver(bytes, finding, undefined);
          else session.answer(message.id);
        })
        .catch((thrown: unknown) => refuser.fault(thrown));
      return undefined;
    }
    if (message.kind === 'notification' && message.method === CANCELLED) {
      const id = message.params['requestId'];
      const state = typeof id === 'string' || typeof id === 'number' ? deciding.get(idKey(id)) : undefined;
      if (state !== undefined) {
        state.cancelled = true;
        return undefined;
      }
    }
    const finding = inspect(message, answered);
    const carrier = message.kind === 'response' ? message.result : message.params;
    if (carrier !== undefined && 'inputRequests' in carrier) {
      void finding
        .then((decided) => deliver(bytes, decided, answered))
        .catch((thrown: unknown) => refuser.fault(thrown));
      return undefined;
    }
    return deliver(bytes, await finding, answered);
  }

  async function pumpAgent(): Promise<void> {
    const lines = createLineReader({ maxLineBytes: maxMessageBytes });
    const pending = new Set<Promise<void>>();
    let turn: Promise<void> = Promise.resolve();
    for await (const chunk of options.input) {
      for (const line of lines.push(chunk as Buffer)) {
        const work = (
          line.kind === 'line' ? fromAgent(line.bytes, turn) : invalid(undefined, 'the message is too long')
        ).catch((thrown: unknown) => {
          refuser.fault(thrown);
        });
        turn = Promise.all([turn, work]).then(() => undefined);
        pending.add(work);
        void work.finally(() => pending.delete(work));
        if (pending.size >= options.maxPending) await turn;
      }
    }
    gone.abort();
    await turn;
  }

  async function pumpServer(): Promise<void> {
    const lines = createLineReader({ maxLineBytes: maxMessageBytes });
    for await (const chunk of child.output) {
      for (const line of lines.push(chunk as Buffer)) {
        if (line.kind === 'line') await fromServer(line.bytes);
        else log.warn({ [LOG_FIELD.reason]: 'too long' }, 'Server output was not a message');
      }
    }
    for (const key of [...open.keys()]) await failOpen(key, 'it has ended');
  }

  const quiet = (pump: Promise<void>): Promise<void> =>
    pump.catch((thrown: unknown) => {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Stream ended');
    });
  const agentGone = quiet(pumpAgent());
  const serverGone = quiet(pumpServer());
  await Promise.race([agentGone, serverGone]);
  await child.end();
  await serverGone;
}
