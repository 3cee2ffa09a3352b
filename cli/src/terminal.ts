import { addAbortSignal, type Readable, type Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { styleText } from 'node:util';

/** How a line of progress looks. */
export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'dim';

/** Where a verb speaks: data on one stream, everything else on the other. */
export interface Terminal {
  /** Columns to wrap help at. */
  readonly width: number;
  /** Whether a person reads stdout as it is written, so that the screen may be cleared; false when absent. */
  readonly interactive?: boolean;
  /** Aborted once nobody reads stdout any more: whoever would go on and on can end. Absent: somebody always does. */
  readonly unread?: AbortSignal;
  /** One line, or several, of what was asked for. Goes to stdout. */
  data(text: string): void;
  /** What is happening and what went wrong. Goes to stderr, in colour where that is wanted (`NO_COLOR`, not a TTY). */
  say(text: string, tone?: Tone): void;
  /** Everything on stdin; rejects when the signal is aborted before that has ended. */
  input(signal?: AbortSignal): Promise<Uint8Array>;
}

/** The streams of a process; only what a terminal has may be missing. */
export interface ProcessStreams {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: Writable;
}

const STYLE = { good: 'green', warning: 'yellow', bad: 'red', dim: 'dim' } as const;

/** The terminal of this process. A reader that goes away early (`| head`) is not an error, nor are words that cannot be said. */
export function processTerminal(streams: ProcessStreams = process): Terminal {
  const { stdout, stderr } = streams;
  const unread = new AbortController();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    unread.abort();
  });
  // How a verb ends says what it came to, whether or not anybody is told why.
  stderr.on('error', () => undefined);
  return {
    width: stdout.columns ?? 80,
    interactive: stdout.isTTY === true,
    unread: unread.signal,
    data: (text) => void stdout.write(`${text}\n`),
    say: (text, tone = 'plain') => {
      const styled = tone === 'plain' ? text : styleText(STYLE[tone], text, { stream: stderr });
      stderr.write(`${styled}\n`);
    },
    input: async (signal) => {
      const { stdin } = streams;
      return new Uint8Array(await buffer(signal === undefined ? stdin : addAbortSignal(signal, stdin)));
    },
  };
}
