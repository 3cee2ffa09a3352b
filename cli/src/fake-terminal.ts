import type { Clock } from '@portcullis/runtime';
import type { ExitCode } from './exit-codes.js';
import { runCli } from './program.js';

/** What a run printed, and how it ended. */
export interface CliRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process with a terminal that only remembers. For tests. */
export async function runForTest(
  argv: readonly string[],
  options: { readonly stdin?: string; readonly clock?: Clock; readonly signal?: AbortSignal } = {},
): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(argv, {
    terminal: {
      width: 80,
      data: (text) => {
        stdout += `${text}\n`;
      },
      say: (text) => {
        stderr += `${text}\n`;
      },
      input: async () => new TextEncoder().encode(options.stdin ?? ''),
    },
    signal: options.signal ?? new AbortController().signal,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  return { code, stdout, stderr };
}
