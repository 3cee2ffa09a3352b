import { z } from 'zod';
import { not } from './condition-text.js';
import { MAX_ENTRIES, strictConfig } from './config-values.js';
import type { PolicyKind } from './kind.js';
import { speaksOf, toolEntry } from './tool-names.js';

const config = () =>
  strictConfig({
    tools: z
      .array(toolEntry())
      .min(1)
      .max(MAX_ENTRIES)
      .describe('The tools that may be listed and called: "server/name" or {server, name}; wildcards count.'),
  });

/** Which tools there are for an agent at all. */
export const TOOL_ALLOWLIST: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'tool_allowlist',
  description: 'Only the listed tools may be listed and called; a tool is known by server and name together.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  on: ['tool_call', 'tool_list'],
  config,
  example: {
    name: 'Tool allowlist',
    type: 'tool_allowlist',
    action: 'deny',
    priority: 20,
    config: { tools: ['files/read_*', { server: 'tickets', name: ['search', 'comment'] }] },
    enabled: true,
  },
  compile: ({ tools }) => ({
    violation: not(speaksOf(tools)),
    denial: { code: 'TOOL_NOT_ALLOWED', message: 'this tool is not in the allowlist' },
  }),
};
