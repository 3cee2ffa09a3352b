/** A PostgreSQL server, as a bounded pool of connections. */

import { readFile } from 'node:fs/promises';
import type { Dialect } from 'kysely';
import type { PostgresConfig } from './store-config.js';

/**
 * The dialect for a server; connects at the first query.
 * @throws Error when the TLS files cannot be read.
 * @param onLost told when a connection breaks, in use or not; the pool replaces it.
 */
export async function postgresDialect(config: PostgresConfig, onLost: (error: Error) => void): Promise<Dialect> {
  const [{ Pool }, { PostgresDialect }] = await Promise.all([
    import('pg').then((module) => module.default),
    import('kysely'),
  ]);
  const { passwordFile, tls } = config;
  const pem = (file: string | undefined): Promise<string> | undefined =>
    file === undefined ? undefined : readFile(file, 'utf8');
  const [ca, cert, key] = await Promise.all([pem(tls?.caFile), pem(tls?.certFile), pem(tls?.keyFile)]);
  const pool = new Pool({
    host: config.host,
    port: config.port,
    database: config.database,
    user: config.user,
    max: config.maxConnections,
    connectionTimeoutMillis: config.connectTimeoutMs,
    statement_timeout: config.statementTimeoutMs,
    lock_timeout: config.lockTimeoutMs,
    idle_in_transaction_session_timeout: config.statementTimeoutMs,
    // The server ends a statement itself; this is for one that is gone without a word.
    query_timeout: config.statementTimeoutMs + config.connectTimeoutMs,
    application_name: 'portcullis-distributor',
    keepAlive: true,
    // A function even for none: pg takes an empty text for nothing said, and looks into PGPASSWORD and ~/.pgpass.
    password: async () => (passwordFile === undefined ? '' : (await readFile(passwordFile, 'utf8')).trimEnd()),
    ssl:
      tls === undefined
        ? false
        : {
            ca,
            rejectUnauthorized: true,
            minVersion: 'TLSv1.2',
            ...(cert === undefined ? {} : { cert }),
            ...(key === undefined ? {} : { key }),
          },
  });
  // The pool listens to connections that are idle only. One that breaks in use fails its query and says so once more;
  // without a listener that would end the process.
  pool.on('connect', (client) => client.on('error', onLost));
  pool.on('error', () => undefined);
  return new PostgresDialect({ pool });
}
