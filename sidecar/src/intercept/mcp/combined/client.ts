/** A client of the endpoint of all servers, for the length of one exchange: how it reaches each of them. */

import type { Era } from '../methods.js';
import type { Sighting } from '../to-attempt.js';
import type { Turn } from '../turn.js';
import type { ResourceOwners } from './resource-owners.js';
import type { Subjects } from './subjects.js';

/** One client's exchange at one server. */
export interface Reached {
  readonly turn: Turn;
  readonly seen: Sighting;
}

/** It. */
export interface CombinedClient {
  readonly era: Era;
  /** What is known to it of lists of resources. */
  readonly resources: ResourceOwners;
  /** What servers may speak of to it. */
  readonly subjects: Subjects;
  /** Nothing where the server cannot be reached, which was told. Never rejects. */
  reach(server: string): Promise<Reached | undefined>;
}
