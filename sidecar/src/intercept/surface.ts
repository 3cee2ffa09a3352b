/** What a way out of the agent is built from, and what it is once it listens. */

import type { Source } from '@portcullis/policy/model';
import type { Clock, Environment, Logger } from '@portcullis/runtime';
import type { PolicyClient } from '../ask/port.js';
import type { BehalfReader } from '../behalf/behalf.js';
import type { Capabilities } from '../enforce/capabilities.js';
import type { Guard } from '../enforce/guard.js';
import type { OpenAttempts } from '../enforce/open-attempts.js';
import type { Permit } from '../enforce/permit.js';
import type { RefusalObserver, Refuser } from '../enforce/refuse.js';
import type { RequestMaker } from './canonical-request.js';
import type { EgressObserver } from './egress/evidence.js';
import type { ExchangeObserver } from './exchange-outcome.js';
import type { AgentServer } from './http/agent-server.js';

/** The decision path of one source of attempts. */
export interface Enforcement {
  readonly guard: Guard;
  readonly refuser: Refuser;
  /** Makes what the guard asks about. */
  readonly requestOf: RequestMaker;
}

/** What every surface shares with the rest of the process. */
export interface SurfaceParts {
  /**
   * @param own what the surface can carry out besides what all can; `redacts`: what a permit's `redaction` says. Decisions that
   * ask for more are refused. `observer`: who counts refusals instead.
   */
  enforcementOf(
    source: Source,
    own?: {
      readonly capabilities?: Capabilities;
      readonly redacts?: boolean;
      readonly observer?: RefusalObserver;
    },
  ): Enforcement;
  /** Settles, and reports results. */
  readonly client: PolicyClient;
  /** Reads for whom the agent acts, and for what. */
  readonly behalf: BehalfReader;
  /** Told what is under way, so that it can be cut off. */
  readonly open: OpenAttempts;
  readonly observer: ExchangeObserver & EgressObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Environment;
  /** The W3C trace headers of what is sent under a permit, where there are traces. */
  readonly traceHeaders?: ((permit: Permit) => Readonly<Record<string, string>>) | undefined;
}

/** A way out of the agent, listening. Drained in the order of its methods. */
export interface Surface extends Omit<AgentServer, 'adopt'> {
  /** Ends the connections to what is upstream. */
  disconnect(): Promise<void>;
}
