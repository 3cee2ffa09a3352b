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

/** Prints a value as JSON, two spaces deep, to stdout. */
export function printJson(shell: Shell, value: unknown): void {
  shell.terminal.data(JSON.stringify(value, null, 2));
}

/** Prints rows in aligned columns to stdout; the first row is the heading. Nothing in a cell speaks to the terminal. */
export function printTable(shell: Shell, cells: readonly (readonly string[])[]): void {
  const rows = cells.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  for (const row of rows) {
    shell.terminal.data(
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
