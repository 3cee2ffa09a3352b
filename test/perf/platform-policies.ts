import type { PolicyText } from '../support/policy-source.js';

/** `count` policies over servers and tools, in the shape a platform has them: one allow each, none alike. */
export function platformPolicies(count: number): readonly PolicyText[] {
  return Array.from(
    { length: count },
    (_, index): PolicyText => ({
      name: `Policy ${index}`,
      on: ['tool_call'],
      when: {
        operator: 'and',
        conditions: [
          { field: 'tool.server', operator: 'equals', value: `server-${index % 20}` },
          { field: 'tool.name', operator: 'in', value: [`tool-${index}`, `tool-${index}-dry-run`] },
          { field: 'agent.trust_level', operator: 'greater_than', value: 0.1 },
        ],
      },
      effect: { type: 'allow' },
      priority: index % 100,
    }),
  );
}
