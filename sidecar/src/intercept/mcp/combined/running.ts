/** The requests of one client under way at the endpoint of all servers: where each is, and whether it is still wanted. */

import type { Json } from '@portcullis/policy/model';
import { createArrivals } from '../arrivals.js';
import { idKey, isRpcId, type RpcId } from '../message.js';

/** They. */
export interface Running {
  /** Notes a request; the signal is aborted when it is cancelled. Nothing: the id is in use, or there are too many. */
  begin(id: RpcId): AbortSignal | undefined;
  /** It goes to this server now. False: it was cancelled before, and is not to go. */
  goes(id: RpcId, server: string): boolean;
  /** It is over. */
  end(id: RpcId): void;
  /**
   * The client wants no answer any more. The server where the request is; nothing where it has gone to none, and it goes
   * to none any more, is over, or does not come in time ({@link createArrivals}).
   */
  cancel(id: Json | undefined): Promise<string | undefined>;
}

/** Most requests of one client under way. */
const MAX_RUNNING = 1024;

interface Request {
  server: string | undefined;
  readonly unwanted: AbortController;
}

/** None yet. */
export function createRunning(): Running {
  const requests = new Map<string, Request>();
  const arrivals = createArrivals();

  return {
    begin(id) {
      const key = idKey(id);
      if (requests.has(key) || requests.size >= MAX_RUNNING) return undefined;
      const unwanted = new AbortController();
      requests.set(key, { server: undefined, unwanted });
      arrivals.came(key);
      return unwanted.signal;
    },
    goes(id, server) {
      const request = requests.get(idKey(id));
      if (request === undefined || request.unwanted.signal.aborted) return false;
      request.server = server;
      return true;
    },
    end: (id) => void requests.delete(idKey(id)),
    async cancel(id) {
      if (!isRpcId(id)) return undefined;
      const key = idKey(id);
      if (!requests.has(key)) await arrivals.wait(key);
      const request = requests.get(key);
      request?.unwanted.abort();
      return request?.server;
    },
  };
}
