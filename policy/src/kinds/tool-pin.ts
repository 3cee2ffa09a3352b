import { z } from 'zod';
import type { JsonObject } from '../model/request.js';
import { absent, all, any, known, leaf, not } from './condition-text.js';
import { MAX_ENTRIES, strictConfig, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';

const name = () => z.string().min(1).max(512);

const config = () =>
  strictConfig({
    pins: z
      .array(
        strictConfig({
          server: name().describe('The name of the MCP server.'),
          name: name().describe('The name of the tool.'),
          digest: z
            .string()
            .regex(/^(sha256:)?[0-9a-f]{64}$/, 'expected a SHA-256 digest: 64 lower-case hexadecimal digits')
            .describe('The digest of its definition, as tool.definition_digest says it.'),
        }),
      )
      .min(1)
      .max(MAX_ENTRIES)
      .describe('The definitions that were looked at; a tool may have several.'),
    unpinned: wordOf(['deny', 'ignore']).describe('Whether a tool without a pin violates.').default('deny'),
  });
type Pin = z.output<ReturnType<typeof config>>['pins'][number];

/** A tool is what it was when somebody looked at it. */
export const TOOL_PIN: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'tool_pin',
  description: "A tool's definition is the one that was pinned; a changed or unknown one violates.",
  actions: ['deny', 'escalate', 'log_only'],
  on: ['tool_call', 'tool_list'],
  config,
  example: {
    name: 'Pinned tools',
    type: 'tool_pin',
    action: 'deny',
    priority: 5,
    config: {
      pins: [
        {
          server: 'payments',
          name: 'transfer',
          digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        },
      ],
      unpinned: 'ignore',
    },
    enabled: true,
  },
  compile: ({ pins, unpinned }) => {
    const servers = Map.groupBy(pins, ({ server }) => server);
    const pinned = [...servers].map(([server, ofServer]) => onServer(server, [isOneOf(ofServer)]));
    const changed = [...servers].map(([server, ofServer]) => onServer(server, [isChanged(ofServer)]));
    const unknown = all([not(listing()), not(any(pinned))]);
    return {
      violation: any([...changed, ...(unpinned === 'deny' ? [unknown] : [])]),
      denial: { code: 'TOOL_DEFINITION_CHANGED', message: "this tool's definition is not the one that was pinned" },
    };
  },
};

function onServer(server: string, conditions: readonly JsonObject[]): JsonObject {
  return all([known('tool.server', 'equals', server), ...conditions]);
}

function isOneOf(pins: readonly Pin[]): JsonObject {
  return known('tool.name', 'in', [...new Set(pins.map(({ name }) => name))]);
}

function isChanged(pins: readonly Pin[]): JsonObject {
  return any(
    [...Map.groupBy(pins, ({ name }) => name)].map(([name, ofTool]) => {
      const digests = ofTool.flatMap(({ digest }) => spellings(digest));
      const differs = any([absent('tool.definition_digest'), leaf('tool.definition_digest', 'not_in', digests)]);
      return all([leaf('tool.name', 'equals', name), differs]);
    }),
  );
}

/** A digest is written with and without the name of its algorithm. */
function spellings(digest: string): readonly string[] {
  const hex = digest.replace(/^sha256:/, '');
  return [hex, `sha256:${hex}`];
}

/** The list as such has no definition; its entries are asked about one by one. */
function listing(): JsonObject {
  return all([leaf('kind', 'equals', 'tool_list'), absent('tool.name')]);
}
