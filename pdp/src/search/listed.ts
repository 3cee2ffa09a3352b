/** What the configuration lists, for searches of what no bundle declares (ADR-0022). */

import { jsonDigestHex } from '@portcullis/proto';
import type { Json } from '@portcullis/runtime';
import type { Candidate } from './candidates.js';
import type { SearchConfig } from './search-config.js';

/** Lists of the configuration. */
export interface Listed {
  /** Those of a type that a tenant has, in the order of the configuration; `undefined` when the type has no list at all. */
  entitiesOf(type: string, tenant: string): readonly Candidate[] | undefined;
  /** What can be done with resources of a type. */
  actionsOf(type: string): readonly Candidate[] | undefined;
  /** Of all lists: positions in others mean something else. */
  readonly digest: string;
}

/** Reads them once. */
export function createListed({ entities, actions }: Pick<SearchConfig, 'entities' | 'actions'>): Listed {
  const byType = Map.groupBy(entities, ({ type }) => type);
  return {
    entitiesOf: (type, tenant) =>
      byType
        .get(type)
        ?.filter((one) => one.tenant === undefined || one.tenant === tenant)
        .map(({ id, properties }) => ({
          id,
          ...(properties === undefined ? {} : { properties }),
        })),
    actionsOf: (type) => (Object.hasOwn(actions, type) ? [...new Set(actions[type])].map((id) => ({ id })) : undefined),
    digest: jsonDigestHex({ entities, actions } as unknown as Json),
  };
}
