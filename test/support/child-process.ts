import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How a child ended: exactly one of the two is set, as Node reports it. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process with what it printed, so that a failing test can show it. */
export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything printed so far on stdout and stderr, newest last, capped at 256 KiB. */
  output(): string;
  /** Resolves when it ended. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal and waits for the end; `SIGKILL` follows after `graceMs`. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<ExitStatus>;
}

const OUTPUT_CAP = 256 * 1024;

/** Starts a program; `onLine` sees each line of stdout. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly onLine?: (line: string) => void;
    /** As whom it runs; ourselves when absent. */
    readonly user?: { readonly uid: number; readonly gid: number };
  } = {},
): RunningProcess {
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    ...options.user,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const keep = (text: string): void => {
    printed = (printed + text).slice(-OUTPUT_CAP);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    keep(`${line}\n`);
    options.onLine?.(line);
  });
  child.stderr.on('data', (chunk: Buffer) => keep(chunk.toString()));
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('error', (error) => {
      keep(`${error.message}\n`);
      resolve({ code: 127, signal: null });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    child,
    pid: child.pid ?? -1,
    output: () => printed,
    exited,
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      if (child.exitCode !== null || child.signalCode !== null) return exited;
      child.kill(signal);
      // A stopped process only sees SIGTERM once it goes on.
      child.kill('SIGCONT');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
  };
}

/** What a service prints once when it is ready (`--announce`). */
export interface Announcement {
  readonly service: string;
  readonly addresses: Readonly<Record<string, string>>;
}

/**
 * Starts one of our services from its built entry and waits until it announces its addresses.
 * @throws Error with the process's output when it ends or stays silent for `timeoutMs`
 */
export async function startService(
  entry: string,
  args: readonly string[],
  timeoutMs = 60_000,
  nodeArgs: readonly string[] = [],
): Promise<{ readonly process: RunningProcess; readonly announcement: Announcement; readonly readyMs: number }> {
  const begun = performance.now();
  let announce: (value: Announcement) => void = () => undefined;
  const announced = new Promise<Announcement>((resolve) => {
    announce = resolve;
  });
  const running = startProcess(process.execPath, [...nodeArgs, '--enable-source-maps', entry, ...args, '--announce'], {
    onLine: (line) => {
      if (line.startsWith('{"ready":true')) announce(JSON.parse(line) as Announcement);
    },
  });
  const timer = new AbortController();
  const silence = once(AbortSignal.any([AbortSignal.timeout(timeoutMs), timer.signal]), 'abort');
  const outcome = await Promise.race([
    announced,
    running.exited.then((status) => `ended with ${status.code ?? status.signal}`),
    silence.then(() => `was not ready after ${timeoutMs} ms`),
  ]);
  timer.abort();
  if (typeof outcome === 'string') {
    await running.stop('SIGKILL');
    throw new Error(`${entry} ${outcome}:\n${running.output()}`);
  }
  return { process: running, announcement: outcome, readyMs: performance.now() - begun };
}
