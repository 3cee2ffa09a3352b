/** The clients that have a session with the endpoint of all servers. Bounded: the one that was used longest ago goes first. */

import { MAX_SESSIONS } from '../sessions.js';
import type { Connections } from './connections.js';
import { createRunning, type Running } from './running.js';

/** One of them. */
export interface Client {
  readonly connections: Connections;
  readonly running: Running;
}

/** They. */
export interface Clients {
  /** Whose session is over, because there are too many, is ended here. */
  begin(connections: Connections): void;
  /** Whose session it is; nothing where it is unknown, or over. */
  of(id: string | undefined): Client | undefined;
  forget(id: string): void;
}

/** None yet. */
export function createClients(): Clients {
  const clients = new Map<string, Client>();
  return {
    begin(connections) {
      clients.set(connections.id, { connections, running: createRunning() });
      const oldest = clients.entries().next();
      if (clients.size <= MAX_SESSIONS || oldest.done === true) return;
      const [id, forgotten] = oldest.value;
      clients.delete(id);
      forgotten.connections.end();
    },
    of(id) {
      const client = id === undefined ? undefined : clients.get(id);
      if (id !== undefined && client !== undefined) {
        clients.delete(id);
        clients.set(id, client);
      }
      return client;
    },
    forget: (id) => void clients.delete(id),
  };
}
