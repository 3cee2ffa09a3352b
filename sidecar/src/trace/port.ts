/** What traces are to the rest of the sidecar: they watch, and change nothing. */

import type { PolicyClient } from '../ask/port.js';
import type { Guard } from '../enforce/guard.js';
import type { Permit } from '../enforce/permit.js';

/** Watches attempts from the question to the end of the answer. */
export interface Tracing {
  /** The same guard, watched: an attempt's span begins with it. */
  guard(guard: Guard): Guard;
  /** The same client, watched: questions are spans, and what is told of an attempt ends its span. */
  client(client: PolicyClient): PolicyClient;
  /** The W3C headers of what is sent under a permit, in place of the agent's. */
  headersOf(permit: Permit): Readonly<Record<string, string>>;
  /** Sends what waits, within its time. Never rejects. */
  close(): Promise<void>;
}
