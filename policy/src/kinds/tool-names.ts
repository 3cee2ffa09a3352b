import { z } from 'zod';
import type { JsonObject } from '../model/request.js';
import { absent, all, any, leaf, oneOf } from './condition-text.js';
import { oneOrMore, strictConfig, wildcardName } from './config-values.js';

/** Tools of one server. A tool is known by its server and its name: any server may call a tool `read_file`. */
export interface ToolNames {
  /** May have wildcards. */
  readonly server: string;
  /** May have wildcards. */
  readonly names: readonly string[];
}

type Written = string | { readonly server: string; readonly name: string | readonly string[] };

/** `server/name`, or `{server, name}` with one name or a list; wildcards count. Server names have no slash. */
export function toolEntry(): z.ZodType<ToolNames> {
  const object = toolObject();
  const short = z
    .string()
    .max(1024)
    .regex(/^[^/]+\/.+$/s, 'expected "server/name"; a bare name would mean any server')
    .superRefine((text, context) => {
      for (const part of object.safeParse(splitName(text)).error?.issues ?? []) {
        context.addIssue({ code: 'custom', message: part.message, input: text });
      }
    });
  return z
    .union([short, object], { error: () => 'expected "server/name", or {server, name}' })
    .transform((written: Written) => {
      const { server, name } = typeof written === 'string' ? splitName(written) : written;
      return { server, names: typeof name === 'string' ? [name] : name };
    });
}

function splitName(text: string): { readonly server: string; readonly name: string } {
  const slash = text.indexOf('/');
  return { server: text.slice(0, slash), name: text.slice(slash + 1) };
}

function toolObject() {
  return strictConfig({
    server: wildcardName('tool.server').describe('The name of the MCP server, with wildcards.'),
    name: oneOrMore(wildcardName('tool.name'), 'expected the name of a tool, or a list of names').describe(
      'The name of the tool with wildcards, or a list of these.',
    ),
  });
}

/** The attempt is about one of these tools, or lists the tools of one of their servers. */
export function speaksOf(tools: readonly ToolNames[]): JsonObject {
  const byServer = new Map<string, string[]>();
  for (const { server, names } of tools) byServer.set(server, [...(byServer.get(server) ?? []), ...names]);
  const listing = all([leaf('kind', 'equals', 'tool_list'), absent('tool.name')]);
  return any(
    [...byServer].map(([server, names]) =>
      all([oneOf('tool.server', [server]), any([oneOf('tool.name', [...new Set(names)]), listing])]),
    ),
  );
}
