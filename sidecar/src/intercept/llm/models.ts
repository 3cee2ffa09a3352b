/** The list of models: those that the agent may use, if only with somebody's consent. */

import type { ServerResponse } from 'node:http';
import type { JsonObject } from '@portcullis/policy/model';
import type { Behalf } from '../../behalf/behalf.js';
import { isRefusal } from '../../enforce/guard.js';
import type { ServedModel } from './catalogue.js';
import type { Api } from './config.js';
import { sendJson } from './deliver.js';
import type { ExchangeOptions } from './exchange.js';
import type { Head } from './head.js';
import { forwardedPaths } from './routes.js';

/** Clients want a time; nobody knows when a model was made. */
const EPOCH = new Date(0).toISOString();
const AT_ONCE = 16;

/** Asks about each model, as its use would be asked about, and lists what is allowed. Nothing is drawn on a quota by it. */
export async function listModels(
  { guard, client, attempts, catalogue }: Pick<ExchangeOptions, 'guard' | 'client' | 'attempts' | 'catalogue'>,
  { route }: Head,
  behalf: Behalf,
  response: ServerResponse,
): Promise<void> {
  const isAllowed = async (served: ServedModel): Promise<boolean> => {
    const path = served.action === 'embed' ? '/embeddings' : (forwardedPaths(route.api)[0] ?? '');
    const url = `${served.provider.baseUrl.replace(/\/$/, '')}${path}`;
    const outcome = await guard(attempts.listed(route, served, url, behalf));
    // What people have to agree to may be used, once they have.
    if (isRefusal(outcome)) return outcome.outcome === 'held';
    client.settle({
      decision_id: outcome.decision_id,
      request_digest: outcome.request_digest,
      outcome: 'refused',
      duration_ms: 0,
    });
    return true;
  };
  const all = catalogue.list(route.api, route.provider);
  const allowed: ServedModel[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE);
    const verdicts = await Promise.all(some.map(isAllowed));
    allowed.push(...some.filter((_, index) => verdicts[index] === true));
  }
  sendJson(response, 200, Buffer.from(JSON.stringify(listing(route.api, allowed))));
}

function listing(api: Api, models: readonly ServedModel[]): JsonObject {
  if (api === 'openai') {
    const data = models.map(({ exposed, provider }) => ({
      id: exposed,
      object: 'model',
      created: 0,
      owned_by: provider.name,
    }));
    return { object: 'list', data };
  }
  const data = models.map(({ exposed }) => ({ type: 'model', id: exposed, display_name: exposed, created_at: EPOCH }));
  return { data, has_more: false, first_id: models[0]?.exposed ?? null, last_id: models.at(-1)?.exposed ?? null };
}
