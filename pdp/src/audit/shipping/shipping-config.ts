/** The parts of `audit` that are about shipping: where evidence goes, and how long it stays here after that. */

import { z } from 'zod';

/** `audit.ship`. */
export const shipConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether records are shipped to the distributor, over the same sources as releases come from.'),
    everyMs: z
      .int()
      .min(50)
      .max(60_000)
      .default(1_000)
      .describe('Time between looks for records to ship when none are waiting, in milliseconds.'),
    batchRecords: z.int().min(1).max(10_000).default(1_000).describe('No shipment has more records.'),
    batchBytes: z
      .int()
      .min(4_096)
      .max(768 * 1024)
      .default(512 * 1024)
      .describe(
        'No shipment of several records is larger, in bytes before compression. Larger ones hold decisions up for longer.',
      ),
    receiptMs: z
      .int()
      .min(100)
      .max(120_000)
      .default(10_000)
      .describe('A shipment without a receipt after this many milliseconds is sent again.'),
  })
  .prefault({});

/** `audit.keep`. Without it nothing is removed. */
export const keepConfig = z
  .strictObject({
    shippedMs: z
      .int()
      .min(0)
      .max(365 * 86_400_000)
      .optional()
      .describe('A closed segment that the distributor has stored is removed when it is this old, in milliseconds.'),
    shippedBytes: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Of closed segments that the distributor has stored, the oldest are removed beyond this, in bytes.'),
  })
  .prefault({});

/** What shipping is told. */
export type ShipConfig = z.output<typeof shipConfig>;
/** What removing is told. */
export type KeepConfig = z.output<typeof keepConfig>;
