/** A review: what a policy let continue and wants somebody to look at afterwards (`escalate`). */

import { z } from 'zod';

const text = (most: number) => z.string().max(most);

/** The schema of a review as it is kept. */
export function reviewShape(): ReturnType<typeof buildReviewShape> {
  return buildReviewShape();
}

// Built at each call, so that importing this file costs nothing.
function buildReviewShape() {
  return z
    .strictObject({
      /** The decision's id. */
      id: z.uuid(),
      tenant: text(256),
      agent: text(256),
      user: text(1_024).optional(),
      server: text(1_024).optional(),
      tool: text(1_024).optional(),
      operation: text(1_024).optional(),
      request_digest: text(64),
      /** What asked for it, and why. */
      asked: z
        .array(z.strictObject({ policy: text(1_024), reason: text(4_096).optional() }).readonly())
        .max(256)
        .readonly(),
      /** RFC 3339. */
      opened_at: z.iso.datetime(),
      closed: z
        .strictObject({ by: text(1_024), at: z.iso.datetime(), note: text(2_048) })
        .readonly()
        .optional(),
      /** Whether the chain has its beginning, and which webhooks were told or given up. */
      recorded: z.boolean(),
      told: z.array(text(128)).max(64).readonly(),
    })
    .readonly();
}

/** A review. */
export type Review = z.output<ReturnType<typeof reviewShape>>;
/** A review when it begins. */
export type NewReview = Omit<Review, 'closed' | 'recorded' | 'told'>;
/** A review as a decision asks for it. */
export type AskedReview = Omit<NewReview, 'opened_at'>;
