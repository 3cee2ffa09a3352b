/** Another agent: its card, its endpoints and what is known of its tasks. */

import { createUpstream, type Upstream } from '../http/upstream.js';
import type { SurfaceParts } from '../surface.js';
import type { CardEndpoint } from './card.js';
import type { PeerConfig } from './config.js';
import type { PeerCards } from './peer-cards.js';
import type { SkillRule, TaskSkills } from './skill.js';

/** One configured peer. */
export interface Peer {
  readonly name: string;
  readonly cards: PeerCards;
  readonly skillRule: SkillRule;
  readonly tasks: TaskSkills;
  /** Whether it is told who handed the task on. */
  readonly delegationHeader: boolean;
  /** The connection to an endpoint of its card. */
  upstream(endpoint: CardEndpoint): Upstream;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** Makes it; connects on first use. */
export function createPeer(options: {
  readonly config: PeerConfig;
  readonly cards: PeerCards;
  readonly tasks: TaskSkills;
  /** Injected into every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly traceHeaders: SurfaceParts['traceHeaders'];
  readonly limits: {
    readonly connectTimeoutMs: number;
    readonly answerTimeoutMs: number;
    readonly maxConnections: number;
  };
}): Peer {
  const { config, cards, tasks, headers, limits } = options;
  const { name, decisionHeaders, delegationHeader, skill, skillMetadata } = config;
  const upstreams = new Map<string, Upstream>();
  return {
    name,
    cards,
    tasks,
    delegationHeader,
    skillRule: { fixed: skill, metadata: skillMetadata },
    upstream({ url }) {
      const known = upstreams.get(url.href);
      if (known !== undefined) return known;
      const upstream = createUpstream({
        name,
        url,
        headers,
        decisionHeaders,
        traceHeaders: options.traceHeaders,
        connectTimeoutMs: limits.connectTimeoutMs,
        headersTimeoutMs: limits.answerTimeoutMs,
        connections: limits.maxConnections,
      });
      upstreams.set(url.href, upstream);
      return upstream;
    },
    async close() {
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}
