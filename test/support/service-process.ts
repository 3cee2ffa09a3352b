/** The built services as processes of their own. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type RunningProcess, startService } from './child-process.js';
import { repositoryRoot } from './root.js';

/** A service process that can be killed, paused and started again on the same addresses. */
export interface ServiceProcess {
  readonly name: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly readyMs: number;
  readonly pid: number;
  output(): string;
  /** `SIGKILL`, as a crash. */
  kill(): Promise<void>;
  /** `SIGSTOP`: alive, silent. */
  pause(): void;
  resume(): void;
  start(): Promise<void>;
  /** `SIGTERM`; resolves to the exit code. */
  terminate(): Promise<number | null>;
}

/** What is started. */
export interface ServiceSpec {
  readonly name: string;
  readonly entry: string;
  readonly configFile: string;
  readonly mode?: string;
  readonly nodeArgs?: readonly string[];
}

/** Starts it, and waits until it serves. */
export async function runService(spec: ServiceSpec): Promise<ServiceProcess> {
  let running: RunningProcess;
  let addresses: Readonly<Record<string, string>> = {};
  let readyMs = 0;
  const start = async (): Promise<void> => {
    const args = [...(spec.mode === undefined ? [] : [spec.mode]), '--config', spec.configFile];
    const started = await startService(spec.entry, args, undefined, spec.nodeArgs);
    ({ readyMs } = started);
    running = started.process;
    addresses = started.announcement.addresses;
  };
  await start();
  return {
    name: spec.name,
    get addresses() {
      return addresses;
    },
    get readyMs() {
      return readyMs;
    },
    get pid() {
      return running.pid;
    },
    output: () => running.output(),
    async kill() {
      await running.stop('SIGKILL');
    },
    pause: () => {
      running.child.kill('SIGSTOP');
    },
    resume: () => {
      running.child.kill('SIGCONT');
    },
    start,
    async terminate() {
      return (await running.stop('SIGTERM')).code;
    },
  };
}

/** The program of a service. */
export const entryOf = (service: string): string => join(repositoryRoot(), service, 'dist', 'main.js');

/** Writes a configuration. @returns the file */
export function writeConfig(file: string, config: unknown): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}
