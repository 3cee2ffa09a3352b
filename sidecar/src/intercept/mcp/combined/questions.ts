/**
 * What several servers ask one client: their ids and progress tokens are each server's own and may be equal, so the client
 * gets others, and its answer goes to the server that asked and to no other.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { idKey, isObject, isRpcId, type RpcId, readMessage } from '../message.js';
import type { Connection } from './connections.js';

/** Whose an id or a token is, and what its server calls it. */
export interface Asked {
  readonly connection: Connection;
  readonly id: RpcId;
}

/** The open questions of all servers of one client. */
export interface Questions {
  /** A message of a server as the client gets it: the same bytes unless they name an id. Nothing: it is not for the client. */
  outward(connection: Connection, message: Buffer): Buffer | undefined;
  /** Who asked what the client answers, once. */
  take(id: RpcId): Asked | undefined;
  /** Whose progress the client tells. */
  ofToken(token: Json | undefined): Asked | undefined;
}

/** Most of each that are remembered; the oldest goes first, and its answer is refused. */
const MAX_OPEN = 4096;
const MAX_BYTES = 268_435_456;

/**
 * Nothing was asked yet.
 * @param newId an id that was never given, to any client: some servers do not tell their clients apart
 */
export function createQuestions(newId: () => string): Questions {
  const asked = new Map<string, Asked>();
  const tokens = new Map<string, Asked>();

  function given(to: Map<string, Asked>, connection: Connection, id: RpcId): string {
    const ours = newId();
    to.set(ours, { connection, id });
    const oldest = to.keys().next();
    if (to.size > MAX_OPEN && oldest.done !== true) to.delete(oldest.value);
    return ours;
  }

  function request(connection: Connection, id: RpcId, params: JsonObject, value: JsonObject): JsonObject {
    const meta = params['_meta'];
    const token = isObject(meta) ? meta['progressToken'] : undefined;
    const ours = given(asked, connection, id);
    if (!isObject(meta) || !isRpcId(token)) return { ...value, id: ours };
    const progressToken = given(tokens, connection, token);
    return { ...value, id: ours, params: { ...params, _meta: { ...meta, progressToken } } };
  }

  function nameOf(connection: Connection, id: Json | undefined): string | undefined {
    if (!isRpcId(id)) return undefined;
    for (const [ours, one] of asked) {
      if (one.connection === connection && idKey(one.id) === idKey(id)) return ours;
    }
    return undefined;
  }

  return {
    outward(connection, bytes) {
      const read = readMessage(bytes, { maxBytes: MAX_BYTES });
      // What cannot be read is refused where everything is.
      if (!read.ok || read.message.kind === 'response') return bytes;
      const { message } = read;
      if (message.kind === 'request')
        return Buffer.from(JSON.stringify(request(connection, message.id, message.params, message.value)));
      if (message.method !== 'notifications/cancelled') return bytes;
      const requestId = nameOf(connection, message.params['requestId']);
      if (requestId === undefined) return undefined;
      return Buffer.from(JSON.stringify({ ...message.value, params: { ...message.params, requestId } }));
    },
    take(id) {
      const found = typeof id === 'string' ? asked.get(id) : undefined;
      if (typeof id === 'string') asked.delete(id);
      return found;
    },
    ofToken: (token) => (typeof token === 'string' ? tokens.get(token) : undefined),
  };
}
