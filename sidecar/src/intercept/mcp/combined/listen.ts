/**
 * `subscriptions/listen` (2026-07-28) at the endpoint of all servers: each server is asked for what is its own, and what
 * they tell is one stream. It begins with one acknowledgement of all, and ends as soon as one of them breaks off, so that
 * the client listens anew instead of missing what it does not know of.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import { RPC_CODE } from '../../../enforce/refuse.js';
import { answerJson, beginEvents, sseEvent } from '../../http/late-answer.js';
import { upstreamError } from '../inspect.js';
import { isObject, type RpcRequest, readMessage } from '../message.js';
import type { Replies } from '../replies.js';
import { type AttemptMaker, isAttempt } from '../to-attempt.js';
import { type Turn, traceOf } from '../turn.js';
import type { CombinedClient } from './client.js';
import type { OneStream } from './one-stream.js';
import type { ResourceViews } from './resource-views.js';

/** Begins a subscription. */
export const LISTEN = 'subscriptions/listen';

/** Serves one until it ends. Rejects for defects only. @param ownerOf the one server that a URI is of, or why there is none */
export type Listen = (
  turn: Turn,
  message: RpcRequest,
  client: CombinedClient,
  ownerOf: (uri: string) => Promise<{ readonly server: string } | string>,
) => Promise<void>;

/** What it needs. */
export interface ListenOptions {
  readonly servers: readonly string[];
  readonly guard: Guard;
  readonly attempts: Pick<AttemptMaker, 'fromMessage'>;
  readonly replies: Replies;
  readonly oneStream: OneStream;
  readonly resources: Pick<ResourceViews, 'changed'>;
  readonly missing: (server: string, thrown: unknown) => void;
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const CHANGES = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
/** Most resources of one subscription. */
const MAX_URIS = 1024;
/** How long an acknowledgement is waited for; who says nothing until then has none, milliseconds. */
const ACKNOWLEDGE_MS = 5_000;
const MAX_BYTES = 268_435_456;

/** Makes it. */
export function createListen(options: ListenOptions): Listen {
  const { servers, guard, attempts, replies, oneStream, resources, missing } = options;

  return async (turn, message, client, ownerOf) => {
    const { id } = message;
    const parted = await partsOf(message.params['notifications'], ownerOf);
    if (typeof parted === 'string')
      return replies.respond(turn, id, replies.invalid(parted, 400, RPC_CODE.invalidParams), 200);

    const over = new AbortController();
    const signal = AbortSignal.any([turn.signal, over.signal]);
    const all = Promise.withResolvers<boolean>();
    let honoured: JsonObject = {};
    let isBroken = false;
    const streams = [...parted].map(([server, wanted]) => {
      const { promise: acknowledged, resolve } = Promise.withResolvers<boolean>();
      const ended = hear(server, wanted, resolve)
        .catch((thrown: unknown) => {
          if (!signal.aborted) missing(server, thrown);
          return false;
        })
        .finally(() => resolve(false));
      return { acknowledged, ended };
    });
    const timer = setTimeout(() => all.resolve(true), ACKNOWLEDGE_MS);
    void Promise.all(streams.map(({ acknowledged }) => acknowledged)).then((said) => all.resolve(said.includes(true)));
    const isHeard = (await all.promise) && !signal.aborted;
    clearTimeout(timer);
    if (isHeard) {
      beginEvents(turn.response, 200);
      const params = { notifications: honoured, _meta: { [SUBSCRIPTION_ID]: id } };
      write({ jsonrpc: '2.0', method: ACKNOWLEDGED, params });
    } else {
      over.abort();
    }
    await Promise.all(streams.map(({ ended }) => ended));
    if (!isHeard) return answerJson(turn.response, 200, upstreamError(id, 'none of them could be listened to'));
    const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_ID]: id } };
    if (!isBroken) write({ jsonrpc: '2.0', id, result });
    if (!turn.response.destroyed) turn.response.end();
    return undefined;

    function write(value: JsonObject): void {
      if (!turn.response.destroyed) turn.response.write(sseEvent(JSON.stringify(value)));
    }

    /** Until its stream ends. */
    async function hear(server: string, wanted: JsonObject, acknowledge: (isDone: boolean) => void): Promise<void> {
      const reached = await client.reach(server);
      if (reached === undefined) return;
      const { seen } = reached;
      const params = { ...message.params, notifications: wanted };
      const made = attempts.fromMessage({ ...message, params, value: { ...message.value, params } }, seen);
      if (!isAttempt(made)) throw new TypeError(made.message);
      const attempt = { ...made, trace: traceOf(turn) };
      const permit = await guard(attempt);
      if (isRefusal(permit)) throw new Error(`it may not be listened to: ${permit.code}`);
      let isAcknowledged = false;
      let isComplete = false;
      const readdressed = async (bytes: Buffer): Promise<Buffer | undefined> => {
        const read = readMessage(bytes, { maxBytes: MAX_BYTES });
        if (!read.ok) return bytes;
        if (read.message.kind === 'response') {
          isComplete = read.message.result !== undefined;
          return undefined;
        }
        const { method, params: told } = read.message;
        if (method === ACKNOWLEDGED) {
          if (!isAcknowledged) honoured = united(honoured, wanted, told['notifications']);
          isAcknowledged = true;
          acknowledge(true);
          return undefined;
        }
        if (method === 'notifications/resources/list_changed') resources.changed(server);
        const { uri } = told;
        // News of a resource are its own server's to tell.
        if (typeof uri === 'string' && !client.resources.known(uri).every((owner) => owner === server))
          return undefined;
        // Nothing comes before the acknowledgements: that of its server, which has to be the first, and ours of all.
        return isAcknowledged && (await all.promise) ? bytes : undefined;
      };
      await oneStream({ ...reached.turn, signal, readdressed }, { seen, attempt, permit, verb: 'POST' });
      if (!isAcknowledged || isComplete) return;
      isBroken = true;
      over.abort();
    }
  };

  /** What each server is asked for, or why it cannot be said. */
  async function partsOf(
    wanted: Json | undefined,
    ownerOf: (uri: string) => Promise<{ readonly server: string } | string>,
  ): Promise<ReadonlyMap<string, JsonObject> | string> {
    if (!isObject(wanted)) return 'params.notifications must be an object';
    const uris = wanted['resourceSubscriptions'] ?? [];
    if (!Array.isArray(uris) || uris.length > MAX_URIS || !uris.every((uri) => typeof uri === 'string'))
      return `params.notifications.resourceSubscriptions must be a list of at most ${MAX_URIS} URIs`;
    const changes = Object.fromEntries(CHANGES.filter((one) => wanted[one] === true).map((one) => [one, true]));
    const owned = new Map<string, string[]>();
    for (const uri of uris) {
      const owner = await ownerOf(uri);
      if (typeof owner === 'string') return owner;
      owned.set(owner.server, [...(owned.get(owner.server) ?? []), uri]);
    }
    const parted = servers.flatMap((server): [string, JsonObject][] => {
      const own = owned.get(server);
      const part = { ...changes, ...(own === undefined ? {} : { resourceSubscriptions: own }) };
      return Object.keys(part).length === 0 ? [] : [[server, part]];
    });
    return parted.length === 0 ? 'params.notifications asks for nothing that is told of here' : new Map(parted);
  }
}

/** What is acknowledged, with what one more server does of what it was asked for. */
function united(before: JsonObject, wanted: JsonObject, said: Json | undefined): JsonObject {
  if (!isObject(said)) return before;
  const changes = CHANGES.filter((one) => wanted[one] === true && said[one] === true).map((one) => [one, true]);
  const listed = (of: JsonObject): readonly Json[] => {
    const uris = of['resourceSubscriptions'];
    return Array.isArray(uris) ? uris : [];
  };
  const uris = listed(wanted).filter((uri) => listed(said).includes(uri));
  const all = [...listed(before), ...uris];
  return {
    ...before,
    ...Object.fromEntries(changes),
    ...(all.length === 0 ? {} : { resourceSubscriptions: all }),
  };
}
