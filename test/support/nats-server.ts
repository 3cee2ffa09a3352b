import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from './child-process.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { serverBinary } from './server-binaries.js';

/** A real nats-server with JetStream on loopback. */
export interface NatsServer {
  /** `nats://127.0.0.1:port`; stays the same over restarts. */
  readonly url: string;
  /** Kills it as a crash would (`SIGKILL`). */
  kill(): Promise<void>;
  /** Starts it again on the same port; `wipe` throws the stored streams away first, `restore` puts a backup in their place. */
  start(options?: { readonly wipe?: boolean; readonly restore?: string }): Promise<void>;
  /** Ends it in order, copies what it stores, and starts it again; the folder to restore from. */
  backup(): Promise<string>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Starts a nats-server; JetStream state lives in a temporary folder. */
export async function startNatsServer(): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-nats-'));
  const port = await freePort();
  const config = join(folder, 'server.conf');
  const store = join(folder, 'jetstream');
  writeFileSync(
    config,
    `listen: 127.0.0.1:${port}\njetstream { store_dir: "${store}", max_memory_store: 64MB, max_file_store: 512MB }\n`,
  );
  let running: RunningProcess | undefined;
  let backups = 0;
  const start: NatsServer['start'] = async (options = {}) => {
    if (options.wipe === true || options.restore !== undefined) rmSync(store, { recursive: true, force: true });
    if (options.restore !== undefined) cpSync(options.restore, store, { recursive: true });
    running = startProcess(serverBinary('nats-server'), ['-c', config]);
    const started = running;
    await eventually('nats-server to listen', async () => {
      if (started.child.exitCode !== null) throw new Error(started.output());
      return listens(port);
    });
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    async kill() {
      await running?.stop('SIGKILL');
    },
    async backup() {
      backups += 1;
      const copy = join(folder, `backup-${backups}`);
      await running?.stop('SIGTERM');
      cpSync(store, copy, { recursive: true });
      await start();
      return copy;
    },
    pause: () => {
      running?.child.kill('SIGSTOP');
    },
    resume: () => {
      running?.child.kill('SIGCONT');
    },
    async close() {
      await running?.stop('SIGTERM', 3000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
