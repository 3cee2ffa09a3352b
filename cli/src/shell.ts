import type { Clock } from '@portcullis/runtime';
import type { ExitCode } from './exit-codes.js';
import { printable } from './printable.js';
import type { Terminal } from './terminal.js';

/** What every verb is given. */
export interface Shell {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Sets how the process will end; without a call it is 0. */
  exit(code: ExitCode): void;
}

/** Aborts when the user interrupts, or nobody reads on: for verbs that would follow what comes without an end. */
export function whileRead({ signal, terminal }: Shell): AbortSignal {
  return terminal.unread === undefined ? signal : AbortSignal.any([signal, terminal.unread]);
}

/** Prints a value as JSON, two spaces deep, to stdout. */
export function printJson(shell: Shell, value: unknown): void {
  shell.terminal.data(JSON.stringify(value, null, 2));
}

/** Prints a line to stdout in which there are words of others, such as names that an agent made up. */
export function printLine(shell: Shell, line: string): void {
  shell.terminal.data(printable(line));
}

/** Prints rows in aligned columns to stdout; the first row is the heading. */
export function printTable(shell: Shell, rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  for (const row of rows) {
    printLine(
      shell,
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
