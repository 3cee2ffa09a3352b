/** Words of others on a terminal, which must show them and not obey them. */

const INSTEAD = '\u{fffd}';

/** A text for one line: what a terminal would obey (control and format characters, Unicode `Cc` and `Cf`) is replaced. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}/gu, INSTEAD);
}

/** A text of several lines: as {@link printable}, but newlines stay. */
export function printableLines(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]|\p{Cf}/gu, INSTEAD);
}
