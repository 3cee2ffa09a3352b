/** The names that Claude Code and Codex give to tools of MCP servers: `mcp__<server>__<tool>`. */

/** A tool and whose it is; without a server, one that the agent has built in. */
export interface NamedTool {
  readonly server: string | undefined;
  readonly tool: string;
}

const PREFIX = 'mcp__';
const SEPARATOR = '__';

/**
 * Reads a name. A server or a tool may have the separator in its own name; of several ways to read it only the one that
 * makes a known server counts, and without one, or with two, nobody can say whose tool it is. A text says so.
 * @param known names of MCP servers, as they stand in names of tools
 */
export function readToolName(name: string, known: readonly string[]): NamedTool | string {
  const ways = waysToRead(name);
  const [only, another] = ways;
  if (only === undefined) return { server: undefined, tool: name };
  if (another === undefined) return only;
  const [mine, other] = ways.filter(({ server }) => server !== undefined && known.includes(server));
  if (mine !== undefined && other === undefined) return mine;
  const shown = JSON.stringify(name.slice(0, 128));
  return mine === undefined
    ? `the tool name ${shown} can be read as several servers: name the right one with --mcp-server, such as ${only.server}`
    : `the tool name ${shown} can be of the server ${mine.server} or ${other?.server}: rename one of them`;
}

function waysToRead(name: string): readonly NamedTool[] {
  if (!name.startsWith(PREFIX)) return [];
  const rest = name.slice(PREFIX.length);
  const ways: NamedTool[] = [];
  for (let at = rest.indexOf(SEPARATOR, 1); at !== -1; at = rest.indexOf(SEPARATOR, at + 1)) {
    const tool = rest.slice(at + SEPARATOR.length);
    if (tool !== '') ways.push({ server: rest.slice(0, at), tool });
  }
  return ways;
}
