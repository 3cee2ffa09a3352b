/** Names come from agents, servers and strangers: a terminal must not obey them. Control and format characters become `\ufffd`. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}/gu, '\u{fffd}');
}
