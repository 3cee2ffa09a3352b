import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TlsFiles } from '@portcullis/runtime';
import { startProcess } from './child-process.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { serverBinary } from './server-binaries.js';

/** A real PostgreSQL server on loopback, with one database and one user, who needs a password. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly passwordFile: string;
  /** `SIGSTOP`: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** `SIGQUIT`: every connection ends at once, nothing is written back; the next start recovers. */
  crash(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Who is nobody, on every Linux. PostgreSQL does not run as root, as in containers; elsewhere we are somebody already. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const USER = 'portcullis';

/** Starts one in a temporary folder. @param tls speaks TLS alone, with this certificate. */
export async function startPostgresServer(tls?: TlsFiles): Promise<PostgresServer> {
  const postgres = serverBinary('postgres');
  const initdb = besides(postgres, 'initdb');
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-postgres-'));
  const user = process.getuid?.() === 0 ? NOBODY : undefined;
  const give = (path: string, mode: number): void => {
    chmodSync(path, mode);
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  };
  give(folder, 0o700);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'right horse\n');
  give(passwordFile, 0o600);
  const as = user === undefined ? {} : { user };
  const rules = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C', '--no-sync'];
  const made = startProcess(initdb, ['-D', data, '-U', USER, ...rules], { cwd: folder, ...as });
  const { code } = await made.exited;
  if (code !== 0) throw new Error(`initdb failed:\n${made.output()}`);
  const secured =
    tls === undefined
      ? []
      : ['-c', 'ssl=on', '-c', `ssl_cert_file=${data}/server.crt`, '-c', `ssl_key_file=${data}/server.key`];
  if (tls !== undefined) {
    for (const [from, to] of [
      [tls.certFile, 'server.crt'],
      [tls.keyFile, 'server.key'],
    ] as const) {
      copyFileSync(from, join(data, to));
      give(join(data, to), 0o600);
    }
    writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
  }
  const port = await freePort();
  const settings = ['-c', 'fsync=off', '-c', 'max_connections=40', '-c', 'shared_buffers=16MB'];
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, ...settings, ...secured];
  const run = async () => {
    const started = startProcess(postgres, args, { cwd: folder, ...as });
    await eventually(
      'postgres to accept connections',
      () => {
        if (started.child.exitCode !== null) throw new Error(started.output());
        return started.output().includes('ready to accept connections');
      },
      30_000,
    );
    return started;
  };
  let running = await run();
  return {
    host: '127.0.0.1',
    port,
    database: 'postgres',
    user: USER,
    passwordFile,
    pause: () => {
      running.child.kill('SIGSTOP');
    },
    resume: () => {
      running.child.kill('SIGCONT');
    },
    async crash() {
      await running.stop('SIGQUIT');
    },
    async start() {
      running = await run();
    },
    async close() {
      await running.stop('SIGINT', 5_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Another program of the same installation, also where a launcher or a link stands before it. */
function besides(postgres: string, name: string): string {
  const found = [postgres, realpathSync(postgres)]
    .map((file) => join(dirname(file), name))
    .find((file) => existsSync(file));
  if (found === undefined) throw new Error(`there is no ${name} beside ${postgres}; install the whole of PostgreSQL`);
  return found;
}
