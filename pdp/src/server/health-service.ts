/** grpc.health.v1: SERVING exactly while a decision could be something else than NO_VALID_BUNDLE. */

import { DECISION_SERVICE_NAME } from '@portcullis/proto';
import { HealthImplementation } from 'grpc-health-check';
import type { ActiveReleases } from '../bundles/active.js';

/** The health service and the way to take it down for good. */
export interface HealthService {
  addToServer: HealthImplementation['addToServer'];
  /** NOT_SERVING from now on, whatever the release says. */
  drain(): void;
}

/** Follows the active release. */
export function createHealthService(releases: Pick<ActiveReleases, 'current' | 'onChange'>): HealthService {
  const health = new HealthImplementation({ '': 'NOT_SERVING', [DECISION_SERVICE_NAME]: 'NOT_SERVING' });
  let isDraining = false;
  let last = false;
  const update = (): void => {
    const serving = !isDraining && releases.current().ok;
    if (serving === last) return;
    last = serving;
    for (const name of ['', DECISION_SERVICE_NAME]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  };
  releases.onChange(update);
  update();
  return {
    addToServer: (server) => health.addToServer(server),
    drain: () => {
      isDraining = true;
      update();
    },
  };
}
