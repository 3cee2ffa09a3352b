import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '@portcullis/runtime';
import { startProcess } from './child-process.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { serverBinary } from './server-binaries.js';

/** A real redis-server on loopback, without persistence. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  /** `SIGSTOP`: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** `SIGKILL`, as a crash. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** How a server differs from the plain one. */
export interface RedisServerOptions {
  /** Speaks TLS alone, and asks for a client's certificate. */
  readonly tls?: TlsFiles;
  readonly password?: string;
}

/** Starts a redis-server in a temporary folder. */
export async function startRedisServer({ tls, password }: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-redis-'));
  const port = await freePort();
  const listening = tls === undefined ? ['--port', String(port)] : ['--port', '0', '--tls-port', String(port)];
  const secured =
    tls === undefined
      ? []
      : [
          ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.caFile],
          ...['--tls-auth-clients', 'yes'],
        ];
  const guarded = password === undefined ? [] : ['--requirepass', password];
  const plain = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const args = [...plain, ...listening, ...secured, ...guarded];
  const running = startProcess(serverBinary('redis-server'), args);
  await eventually('redis-server to accept connections', () => {
    if (running.child.exitCode !== null) throw new Error(running.output());
    return running.output().includes('Ready to accept connections');
  });
  return {
    host: '127.0.0.1',
    port,
    pause: () => {
      running.child.kill('SIGSTOP');
    },
    resume: () => {
      running.child.kill('SIGCONT');
    },
    async kill() {
      await running.stop('SIGKILL');
    },
    async close() {
      await running.stop('SIGTERM', 3000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
