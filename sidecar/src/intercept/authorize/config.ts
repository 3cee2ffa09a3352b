/** Configuration of the local authorize API. */

import { z } from 'zod';
import { allowedHosts, allowedOrigins, listenConfig } from '../http/listen-config.js';

const limits = z
  .strictObject({
    maxBodyBytes: z.int().min(1024).max(67_108_864).default(4_194_304).describe('Largest question or outcome.'),
    maxHeaderBytes: z.int().min(1024).max(65_536).default(16_384).describe('Largest request head.'),
    headersTimeoutMs: z.int().min(100).max(600_000).default(10_000).describe('Time for a request head to arrive.'),
    bodyTimeoutMs: z.int().min(100).max(600_000).default(10_000).describe('Time for a request body to arrive.'),
    maxConnections: z.int().min(1).max(100_000).default(1024).describe('Most connections.'),
    maxOpen: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(4096)
      .describe('Most allowed attempts whose outcome is awaited; then the oldest is forgotten.'),
    outcomeTimeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe('Time for the outcome of an allowed attempt to be told.'),
  })
  .prefault({});

/** `authorize`: the HTTP API for programs and coding agents that carry out attempts themselves. */
export const authorizeConfig = z.strictObject({
  listen: listenConfig.describe('Where programs ask; a Unix socket is for its owner only.'),
  allowedHosts,
  allowedOrigins,
  limits: limits.describe('Caps and times.'),
});

/** Value of {@link authorizeConfig}. */
export type AuthorizeConfig = z.output<typeof authorizeConfig>;
