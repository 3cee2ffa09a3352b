/** `store`: where the distributor keeps what has to outlive it and be searched. */

import { z } from 'zod';

const SECOND = 1_000;

const tls = z
  .strictObject({
    caFile: z.string().min(1).describe('PEM file with the authorities that the server must chain to.'),
    certFile: z.string().min(1).optional().describe('Our own certificate, where the server asks for one.'),
    keyFile: z.string().min(1).optional().describe('The private key of certFile.'),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    path: ['keyFile'],
    message: 'certFile and keyFile: expected both or neither',
  });

const LOOPBACK = /^(?:127\.0\.0\.1|::1|localhost|\/.+)$/;

const postgres = z
  .strictObject({
    kind: z.literal('postgres').describe('A PostgreSQL server, 14 or later, which several distributors may share.'),
    host: z.string().min(1).max(255).describe('Its host name or address, or the folder of its Unix socket.'),
    port: z.int().min(1).max(65_535).default(5432).describe('Its port.'),
    database: z.string().min(1).max(63).describe('The database; its tables are made at the first start.'),
    user: z.string().min(1).max(63).describe('Who we are to it; must own the tables.'),
    passwordFile: z.string().min(1).optional().describe('Holds the password; read again for every connection.'),
    tls: tls
      .optional()
      .describe('Whom to believe that it is the server. Required unless the host is this machine or a Unix socket.'),
    maxConnections: z.int().min(1).max(100).default(8).describe('Most connections at a time.'),
    connectTimeoutMs: z.int().min(100).max(60_000).default(5_000).describe('How long to wait for a connection.'),
    statementTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(30 * SECOND)
      .describe('How long one statement may take; the server ends it then.'),
    lockTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(10 * SECOND)
      .describe('How long to wait for another distributor that writes to the same chain.'),
  })
  .refine((config) => config.tls !== undefined || LOOPBACK.test(config.host), {
    path: ['tls'],
    message: 'expected caFile: evidence and passwords do not cross a network in the clear',
  });

const embedded = z.strictObject({
  kind: z
    .literal('embedded')
    .describe('PostgreSQL inside this process (PGlite), in evidence-db below dataDir, for one distributor.'),
});

const none = z.strictObject({ kind: z.literal('none').describe('Nothing is kept here; PDPs keep their own files.') });

/** The schema of `store`. */
export const storeConfig = z
  .discriminatedUnion('kind', [none, embedded, postgres])
  .describe('Where evidence is kept, to be searched.');

/** A loaded `store`. */
export type StoreConfig = z.output<typeof storeConfig>;
/** Of a PostgreSQL server. */
export type PostgresConfig = z.output<typeof postgres>;
