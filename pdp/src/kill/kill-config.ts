/** The part of the configuration that is about the kill switch. */

import { z } from 'zod';

/** `kill`. There is nothing to turn off: whoever may stop things is said by signed metadata. */
export const killConfig = z
  .strictObject({
    pollMs: z
      .int()
      .min(50)
      .max(1_500)
      .default(500)
      .describe('Time between looks for a new kill list at each source when nothing hints at one, in milliseconds.'),
  })
  .prefault({});
