/** Names on the endpoint of all servers: the server's, two underscores, and its own name for the tool or prompt. */

import type { Json } from '@portcullis/policy/model';

const SEPARATOR = '__';

/** Whether names with this server's in front can be told apart: the first separator ends it. */
export function isCombinable(server: string): boolean {
  return !server.includes(SEPARATOR) && !server.endsWith('_');
}

/** The name here of what a server calls `name`. */
export function combinedName(server: string, name: string): string {
  return `${server}${SEPARATOR}${name}`;
}

/** The server of a name, and its own name; nothing where the name is of no server. */
export function splitName(
  name: Json | undefined,
  servers: readonly string[],
): { readonly server: string; readonly name: string } | undefined {
  if (typeof name !== 'string') return undefined;
  const at = name.indexOf(SEPARATOR);
  const server = at < 0 ? undefined : servers.find((one) => one === name.slice(0, at));
  return server === undefined ? undefined : { server, name: name.slice(at + SEPARATOR.length) };
}
