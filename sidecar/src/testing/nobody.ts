/** Sidecars that are told of no user and no task. */

import { type BehalfReader, createBehalfReader } from '../behalf/behalf.js';
import { behalfConfig } from '../behalf/config.js';

/** What `onBehalf` is without configuration. */
export const NOBODY: BehalfReader = createBehalfReader(behalfConfig.parse({}), {});
