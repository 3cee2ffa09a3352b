import {
  preparsePolicySet,
  type StatefulAuthorizationCall,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Subject } from './subject.js';

/** Cedar as WebAssembly, in process, its policies parsed beforehand. */
export const CEDAR: Subject = {
  async prepare({ rules }) {
    const staticPolicies = rules
      .map(({ agent, tool, operation, limit, effect }) => {
        const scope = `principal == Agent::"agent-${agent}", action == Action::"op-${operation}", resource == Tool::"tool-${tool}"`;
        return `${effect === 'allow' ? 'permit' : 'forbid'}(${scope}) when { context.tokens < ${limit} };`;
      })
      .join('\n');
    return {
      async load() {
        const parsed = preparsePolicySet('bench', { staticPolicies });
        if (parsed.type === 'failure') throw new Error(parsed.errors.map(({ message }) => message).join('; '));
        return {
          encode: ({ agent, tool, operation, tokens }): StatefulAuthorizationCall => ({
            principal: { type: 'Agent', id: `agent-${agent}` },
            action: { type: 'Action', id: `op-${operation}` },
            resource: { type: 'Tool', id: `tool-${tool}` },
            context: { tokens },
            preparsedPolicySetId: 'bench',
            entities: [],
          }),
          decide(encoded) {
            const answer = statefulIsAuthorized(encoded as StatefulAuthorizationCall);
            if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '));
            return answer.response.decision === 'allow';
          },
        };
      },
    };
  },
};
