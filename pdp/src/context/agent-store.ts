/** What operators say of an agent while everything runs: how far it is trusted, now. */

import type { JsonObject } from '@portcullis/policy/model';
import type { EpochCounter } from '../epochs/epochs.js';

/** What is said of one agent; what is absent is not said. */
export interface AgentStanding {
  readonly type?: string;
  /** 0 (untrusted) to 1. */
  readonly trust_level?: number;
  readonly attributes?: JsonObject;
}

/**
 * Keeps the standing of agents. Its epoch grows with every change; when it tells of a change, no client still answers with
 * what was before.
 */
export interface AgentStore extends EpochCounter {
  /** The standing of an agent, `undefined` for one of whom nothing is said. Rejects when that is not known. */
  find(tenant: string, agent: string): AgentStanding | undefined | Promise<AgentStanding | undefined>;
  /**
   * Says `standing` of an agent instead of what was said before; resolves with the epoch from which it holds.
   * @throws PortcullisError `invalid` for what is no standing, `unavailable` when it could not be kept.
   */
  put(tenant: string, agent: string, standing: AgentStanding): Promise<number>;
  /** Says nothing of an agent any more. As {@link put}. */
  remove(tenant: string, agent: string): Promise<number>;
  close(): void;
}
