import { Engine } from 'json-rules-engine';
import type { Subject } from './subject.js';

/** json-rules-engine, in process. */
export const JSON_RULES: Subject = {
  async prepare({ rules }) {
    const text = JSON.stringify(
      rules.map(({ agent, tool, operation, limit, effect }) => ({
        conditions: {
          all: [
            { fact: 'agent', operator: 'equal', value: `agent-${agent}` },
            { fact: 'tool', operator: 'equal', value: `tool-${tool}` },
            { fact: 'operation', operator: 'equal', value: `op-${operation}` },
            { fact: 'tokens', operator: 'lessThan', value: limit },
          ],
        },
        event: { type: effect },
      })),
    );
    return {
      async load() {
        const engine = new Engine(JSON.parse(text));
        return {
          encode: ({ agent, tool, operation, tokens }) => ({
            agent: `agent-${agent}`,
            tool: `tool-${tool}`,
            operation: `op-${operation}`,
            tokens,
          }),
          async decide(encoded) {
            const { events } = await engine.run(encoded as Record<string, unknown>);
            return events.some(({ type }) => type === 'allow') && !events.some(({ type }) => type === 'deny');
          },
        };
      },
    };
  },
};
