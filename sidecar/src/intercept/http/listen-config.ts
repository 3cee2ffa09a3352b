/** Where agents connect, and as whom they may address us. */

import { z } from 'zod';

const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|::1)$/;

/** The proxy trusts whoever reaches it, so nobody but this host may. */
export const listenConfig = z
  .strictObject({
    host: z
      .string()
      .regex(LOOPBACK, 'must be a loopback address: whoever reaches the sidecar acts as its agent')
      .default('127.0.0.1')
      .describe('Loopback address to bind.'),
    port: z.int().min(0).max(65_535).default(0).describe('Port to bind; 0 picks a free one.'),
    socket: z.string().min(1).optional().describe('Path of a Unix socket to listen on instead of a port.'),
  })
  .prefault({});

const hostEntry = z.string().regex(/^[a-z0-9.\-[\]:]{1,255}$/, 'must be a lower-case host or host:port');
const originEntry = z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.\-[\]:]{1,255}$/, 'must be a lower-case origin');

/** Accepted Host headers: a page that had its name resolved to this host is turned away. */
export const allowedHosts = z
  .array(hostEntry)
  .min(1)
  .default(['localhost', '127.0.0.1', '[::1]'])
  .describe('Accepted Host headers; an entry without a port accepts every port.');

/** Accepted Origin headers. */
export const allowedOrigins = z
  .array(originEntry)
  .default(['http://localhost', 'http://127.0.0.1', 'http://[::1]'])
  .describe('Accepted Origin headers; an entry without a port accepts every port. Requests without Origin pass.');
