/** What a PDP reports about itself. Not evidence: nothing is allowed because of it. */

import { z } from 'zod';
import type { Checked } from '../model/index.js';
import { encodeDocument, parseDocument } from './document.js';
import { isReleaseName, isSha256Hex } from './paths.js';

/** The channel subject of node statuses. */
export const NODE_STATUS_SUBJECT = 'portcullis.status';
/** No status is larger. */
export const MAX_STATUS_BYTES = 8 * 1024;

/** How old what a PDP serves is (contracts §10); `none` before its first valid bundle. */
export const FRESHNESS = ['fresh', 'stale', 'expired', 'none'] as const;
/** How old what a PDP serves is. */
export type Freshness = (typeof FRESHNESS)[number];

/** What happened: `staged` and `refused` speak of the release that was looked at, `loaded` and `heartbeat` of the active one. */
export const NODE_STATES = ['staged', 'loaded', 'refused', 'heartbeat'] as const;
/** What happened on a node. */
export type NodeState = (typeof NODE_STATES)[number];

const name = z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens');

const statusSchema = z
  .strictObject({
    node: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
    state: z.enum(NODE_STATES),
    env: name,
    channel: name,
    release_seq: z.int().min(0),
    bundle_digest: z.union([z.literal(''), z.string().refine(isSha256Hex, 'expected 64 lower-case hex digits')]),
    freshness: z.enum(FRESHNESS),
    reason: z.string().max(1024).optional(),
    at: z.iso.datetime(),
    /** Where the node takes kill lists directly; absent without an HTTPS endpoint. */
    https: z
      .url({ protocol: /^https$/ })
      .max(256)
      .optional(),
    /** The `seq` of the kill list in force. */
    kill_seq: z.int().min(0).optional(),
  })
  .readonly();

/** One report of a PDP. `release_seq` 0 and an empty `bundle_digest` mean none. */
export type NodeStatus = z.output<typeof statusSchema>;

/** Reads a status; problems have the code `ERR_NODE_STATUS`. */
export function parseNodeStatus(bytes: Uint8Array): Checked<NodeStatus> {
  return parseDocument(bytes, statusSchema, { code: 'ERR_NODE_STATUS', maxBytes: MAX_STATUS_BYTES });
}

/** The bytes to send; what {@link parseNodeStatus} reads. */
export function encodeNodeStatus(status: NodeStatus): Uint8Array {
  return encodeDocument(status);
}
