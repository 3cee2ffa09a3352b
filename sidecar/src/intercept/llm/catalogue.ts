/** Which provider serves which model, and under which name. */

import { type Api, exposedName, type ProviderConfig } from './config.js';

/** A model, as it is reached. */
export interface ServedModel {
  readonly provider: ProviderConfig;
  /** The provider's name of it. */
  readonly model: string;
  /** What agents call it. */
  readonly exposed: string;
  readonly action: 'chat' | 'embed';
}

/** The configured models. */
export interface Catalogue {
  /** Nothing when no provider of this API serves it, or the named one does not. */
  find(api: Api, provider: string | undefined, model: string): ServedModel | undefined;
  /** Whether a provider of this API has this name. */
  has(api: Api, provider: string): boolean;
  /** Everything that is offered. */
  list(api: Api, provider: string | undefined): readonly ServedModel[];
}

/** Made of the configuration, where names are distinct. */
export function createCatalogue(providers: readonly ProviderConfig[]): Catalogue {
  const offered = (provider: ProviderConfig): readonly ServedModel[] =>
    provider.models.map((model) => ({
      provider,
      model: model.name,
      exposed: exposedName(model),
      action: model.action,
    }));
  const list: Catalogue['list'] = (api, name) =>
    providers
      .filter((provider) => provider.kind === api && (name === undefined || provider.name === name))
      .flatMap(offered);
  return {
    list,
    has: (api, name) => providers.some((provider) => provider.kind === api && provider.name === name),
    find(api, name, model) {
      const known = list(api, name).find(({ exposed }) => exposed === model);
      if (known !== undefined || name === undefined) return known;
      const provider = providers.find((one) => one.name === name && one.kind === api && one.anyModel);
      // A model that has an alias is reached by that only.
      if (provider === undefined || provider.models.some((one) => one.name === model)) return undefined;
      return { provider, model, exposed: model, action: 'chat' };
    },
  };
}
