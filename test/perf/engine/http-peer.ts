import { spawnSync } from 'node:child_process';
import { Pool } from 'undici';
import { startProcess } from '../../support/child-process.js';

/** A server of a peer on loopback, asked over one connection that is kept open. */
export interface HttpPeer {
  readonly pid: number;
  /** @throws Error unless it answers 200 */
  post(path: string, body: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Between two looks whether it is up. */
const LOOK_MS = 5;

/** Starts a server and waits until `healthPath` answers 200. @throws Error when it ends before */
export async function startHttpPeer(
  command: string,
  args: readonly string[],
  { origin, healthPath }: { readonly origin: string; readonly healthPath: string },
): Promise<HttpPeer> {
  const running = startProcess(command, args);
  const pool = new Pool(origin, { connections: 1, headersTimeout: 0, bodyTimeout: 0 });
  let ended = false;
  void running.exited.then(() => {
    ended = true;
  });
  for (;;) {
    if (ended) throw new Error(`${command} ended:\n${running.output()}`);
    const status = await pool.request({ method: 'GET', path: healthPath }).then(
      async (answer) => {
        await answer.body.dump();
        return answer.statusCode;
      },
      () => 0,
    );
    if (status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return {
    pid: running.pid,
    async post(path, body) {
      const answer = await pool.request({
        method: 'POST',
        path,
        body,
        headers: { 'content-type': 'application/json' },
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`${command} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
      return JSON.parse(text);
    },
    async stop() {
      await pool.destroy();
      await running.stop('SIGTERM', 2_000);
    },
  };
}

/** Megabytes of resident memory of a process. */
export function residentMb(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' });
  return Number(stdout.trim()) / 1024;
}
