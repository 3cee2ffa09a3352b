/** What a request was about that is refused before it was read whole: the endpoint, and the provider where its path names one. */

import type { RefusedTarget } from '../../ask/port.js';
import type { Catalogue } from './catalogue.js';
import type { Route } from './routes.js';

/** In names of ours only: a provider that is not configured is the agent's own word. @param route of a path that is served */
export function refusedTarget(route: Route | undefined, catalogue: Pick<Catalogue, 'has'>): RefusedTarget {
  if (route === undefined) return {};
  const { api, provider, operation } = route;
  if (provider === undefined || !catalogue.has(api, provider)) return { operation };
  return { server: provider, operation, reached: { provider } };
}
