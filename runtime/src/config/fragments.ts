import { z } from 'zod';
import { LOG_LEVELS } from '../log/logger.js';

/** `log`: how much is logged, and where to. */
export const logConfig = z
  .strictObject({
    level: z.enum(LOG_LEVELS).default('info').describe('Least urgent level that is written.'),
    destination: z
      .enum(['stdout', 'stderr'])
      .default('stderr')
      .describe('Stream for log lines; standard output is never used where it carries a protocol.'),
  })
  .prefault({});

/** `admin`: the plain HTTP port for metrics, probes and drain. */
export const adminConfig = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
    port: z.int().min(0).max(65_535).default(0).describe('Port to bind; 0 picks a free one.'),
  })
  .prefault({});

/** `tls`: the process's own identity and whom it trusts. */
export const tlsConfig = z.strictObject({
  certFile: z.string().min(1).describe('PEM file with the certificate chain, leaf first.'),
  keyFile: z.string().min(1).describe('PEM file with the private key of the leaf.'),
  caFile: z.string().min(1).describe('PEM file with the certificate authorities that peers must chain to.'),
});

/** Value of {@link logConfig}. */
export type LogConfig = z.output<typeof logConfig>;
/** Value of {@link adminConfig}. */
export type AdminConfig = z.output<typeof adminConfig>;
/** Value of {@link tlsConfig}. */
export type TlsConfig = z.output<typeof tlsConfig>;
