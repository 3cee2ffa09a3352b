/** The requests of one client under way at the endpoint of all servers: where each is, and whether it is still wanted. */

import type { Json } from '@portcullis/policy/model';
import { createArrivals } from '../arrivals.js';
import { idKey, isRpcId, type RpcId } from '../message.js';

/** They. */
export interface Running {
  /** Notes a request. False: the id is in use, or there are too many. */
  begin(id: RpcId): boolean;
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
  isWanted: boolean;
}

/** None yet. */
export function createRunning(): Running {
  const requests = new Map<string, Request>();
  const arrivals = createArrivals();

  return {
    begin(id) {
      const key = idKey(id);
      if (requests.has(key) || requests.size >= MAX_RUNNING) return false;
      requests.set(key, { server: undefined, isWanted: true });
      arrivals.came(key);
      return true;
    },
    goes(id, server) {
      const request = requests.get(idKey(id));
      if (request?.isWanted !== true) return false;
      request.server = server;
      return true;
    },
    end: (id) => void requests.delete(idKey(id)),
    async cancel(id) {
      if (!isRpcId(id)) return undefined;
      const key = idKey(id);
      if (!requests.has(key)) await arrivals.wait(key);
      const request = requests.get(key);
      if (request !== undefined) request.isWanted = false;
      return request?.server;
    },
  };
}
