/**
 * What is known of lists of resources, by who they were asked for: a server, and a policy, may show each user and each session others.
 * What one was shown is nothing that another is told of, or routed by.
 */

import type { Clock } from '@portcullis/runtime';
import { type Behalf, behalfKey } from '../../../behalf/behalf.js';
import { createResourceOwners, type ResourceOwners } from './resource-owners.js';

/** They. */
export interface ResourceViews {
  /** What was known of a server may have changed: it says so once, to whoever listens. */
  changed(server: string): void;
  /** What is known to one viewer. Of who has not asked for long it may be forgotten, and is asked for again. */
  of(viewer: string): ResourceOwners;
}

/** Most viewers remembered, and most characters of the lists of all of them; who asked longest ago goes first. */
const MAX_VIEWS = 256;
const MAX_CHARACTERS = 16_777_216;

/** Nothing is known to anybody yet. */
export function createResourceViews(clock: Pick<Clock, 'monotonic'>): ResourceViews {
  const views = new Map<string, ResourceOwners>();

  function forgetOldest(): void {
    let characters = [...views.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [viewer, { size }] of views) {
      if ((views.size <= MAX_VIEWS && characters <= MAX_CHARACTERS) || views.size === 1) return;
      views.delete(viewer);
      characters -= size;
    }
  }

  return {
    changed(server) {
      for (const view of views.values()) view.changed(server);
    },
    of(viewer) {
      const view = views.get(viewer) ?? createResourceOwners(clock);
      views.delete(viewer);
      views.set(viewer, view);
      forgetOldest();
      return view;
    },
  };
}

/** Who looks. @param session of a client that has one */
export function viewerOf(behalf: Behalf, session = ''): string {
  return `${session} ${behalfKey(behalf)}`;
}
