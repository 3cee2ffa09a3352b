/** Who keeps kill lists: the distributor, the PDPs it knows of, and those that the command line or the context names. */

import { parsePeerIdentity } from '@portcullis/proto';
import { createLogger, openTlsMaterial, undiciDispatcher } from '@portcullis/runtime';
import type { Dispatcher } from 'undici';
import type { CliContext } from '../release/connection.js';
import { openDistributorApi } from '../release/http-api.js';
import { type KillEndpoint, openKillEndpoint } from './endpoint.js';

/** Everybody who keeps lists. */
export interface KillReach {
  readonly endpoints: readonly KillEndpoint[];
  /** Nodes that take lists over the channel alone. */
  readonly indirect: readonly string[];
  /** Our own SPIFFE id. */
  readonly actor: string;
  close(): Promise<void>;
}

/** Nobody who is away may hold up a kill: everybody is asked at once, and given so long. In milliseconds. */
const ANSWER_TIMEOUT_MS = 1_000;

/** PDPs that answer operators over HTTPS. */
export interface PdpReach {
  readonly urls: readonly string[];
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}

/** Finds the PDPs of the environment: those that are named, and those that the distributor knows. */
export async function reachPdps(context: CliContext, pdps: readonly string[], signal: AbortSignal): Promise<PdpReach> {
  const { material, toDistributor, toPdp, live, named } = await lookAround(context, pdps, signal);
  await toDistributor.destroy();
  return {
    urls: [...new Set([...named, ...live.flatMap(({ https }) => (https === undefined ? [] : [bare(https)]))])],
    dispatcher: toPdp,
    close: async () => {
      material.close();
      await toPdp.destroy();
    },
  };
}

/** Finds everybody of the environment; a distributor that does not answer costs the names that only it knows. */
export async function reachKeepers(
  context: CliContext,
  pdps: readonly string[],
  signal: AbortSignal,
): Promise<KillReach> {
  const { material, toDistributor, toPdp, base, actor, live, named } = await lookAround(context, pdps, signal);
  const names = new Map<string, string>(named.map((url) => [url, url]));
  for (const { https, node } of live) if (https !== undefined) names.set(bare(https), `${node} (${https})`);
  const common = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
  return {
    actor,
    indirect: live.filter(({ https }) => https === undefined).map(({ node }) => node),
    endpoints: [
      openKillEndpoint({
        ...common,
        name: `distributor (${base})`,
        kind: 'distributor',
        url: `${base}/v1/kill/${context.env}`,
        dispatcher: toDistributor,
      }),
      ...[...names].map(([url, name]) =>
        openKillEndpoint({ ...common, name: `PDP ${name}`, kind: 'pdp', url: `${url}/v1/kill`, dispatcher: toPdp }),
      ),
    ],
    close: async () => {
      material.close();
      await Promise.all([toDistributor.destroy(), toPdp.destroy()]);
    },
  };
}

const bare = (url: string): string => url.replace(/\/+$/, '');

async function lookAround(context: CliContext, pdps: readonly string[], signal: AbortSignal) {
  const material = await openTlsMaterial(context.tls, { log: createLogger({ component: 'cli', level: 'silent' }) });
  const dispatcherTo = (kind: 'distributor' | 'pdp'): Dispatcher =>
    undiciDispatcher(material, { acceptServer: (id) => parsePeerIdentity(id, context.trustDomain)?.kind === kind });
  const toDistributor = dispatcherTo('distributor');
  const actor = material.current().spiffeId ?? 'unknown';
  const base = bare(context.distributor);
  const api = openDistributorApi(
    { baseUrl: base, dispatcher: toDistributor, actor, close: async () => undefined },
    AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
  );
  const nodes = await api.allNodes(context.env).catch(() => []);
  const live = nodes.filter((node) => node.live);
  return { material, toDistributor, toPdp: dispatcherTo('pdp'), base, actor, live, named: pdps.map(bare) };
}
