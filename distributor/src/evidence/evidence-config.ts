/** `evidence`: who may read what is stored, and how long it is kept. */

import { z } from 'zod';

const SECOND = 1_000;
const MAX_TENANTS = 10_000;

const tenantName = z.string().min(1).max(256);
const keeping = {
  days: z
    .int()
    .min(1)
    .max(36_500)
    .optional()
    .describe('Texts older than so many days are erased, once a checkpoint covers them; kept for ever when absent.'),
  hold: z.boolean().default(false).describe('A legal hold: nothing is erased, whatever else says so.'),
};

/** The schema of `evidence`. */
export const evidenceConfig = z
  .strictObject({
    readers: z
      .array(
        z.strictObject({
          publisher: z
            .string()
            .regex(/^[A-Za-z0-9._-]{1,128}$/)
            .describe('Name in the certificate: spiffe://<trust domain>/publisher/<name>.'),
          tenants: z
            .union([z.literal('*'), z.array(tenantName).min(1).max(MAX_TENANTS).readonly()])
            .describe(
              'Tenants whose records it may read; "*" for all, and for chains as a whole, findings and what belongs to no tenant.',
            ),
          mayErase: z.boolean().default(false).describe("Whether it may have its tenants' texts erased."),
        }),
      )
      .max(1_000)
      .refine(
        (readers) => new Set(readers.map(({ publisher }) => publisher)).size === readers.length,
        "expected every publisher once: what two entries give it would be anybody's guess",
      )
      .readonly()
      .default([])
      .describe('Who may read evidence here; nobody when empty.'),
    maxMemoryRecords: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(100_000)
      .describe(
        'Without a store: records of all PDPs that are held in memory; the oldest go first. PDPs remove nothing for the sake of them.',
      ),
    retention: z
      .strictObject({
        ...keeping,
        tenants: z
          .record(tenantName, z.strictObject(keeping))
          .default({})
          .describe('Tenants that are kept for another time. A tenant named here takes nothing from the default.'),
        everyMs: z
          .int()
          .min(SECOND)
          .max(86_400_000)
          .default(3_600_000)
          .describe('How often it is looked for what is over.'),
      })
      .prefault({})
      .describe(
        'How long texts are kept. Numbers and hashes of erased records stay until a checkpoint covers them all.',
      ),
  })
  .prefault({})
  .describe('Evidence that PDPs handed over: who may read it, and how long it is kept.');

/** A loaded `evidence`. */
export type EvidenceConfig = z.output<typeof evidenceConfig>;
/** How long texts are kept. */
export type RetentionConfig = EvidenceConfig['retention'];

/** Whether a legal hold covers a tenant; `null` stands for records of none. */
export function isHeld(retention: RetentionConfig, tenant: string | null): boolean {
  return retention.hold || (tenant !== null && ownOf(retention, tenant)?.hold === true);
}

/** Days that a tenant's texts are kept; `undefined` for ever. */
export function daysOf(retention: RetentionConfig, tenant: string | null): number | undefined {
  const own = tenant === null ? undefined : ownOf(retention, tenant);
  return own === undefined ? retention.days : own.days;
}

function ownOf(
  retention: RetentionConfig,
  tenant: string,
): { readonly days?: number | undefined; readonly hold: boolean } | undefined {
  return Object.hasOwn(retention.tenants, tenant) ? retention.tenants[tenant] : undefined;
}
