import { newEnforcer, newModelFromString, StringAdapter } from 'casbin';
import type { Subject } from './subject.js';
import type { WorkRequest } from './workload.js';

const MODEL = `
[request_definition]
r = agent, tool, operation, tokens
[policy_definition]
p = agent, tool, operation, limit, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.agent == p.agent && r.tool == p.tool && r.operation == p.operation && r.tokens < p.limit
`;

/** casbin, in process. */
export const CASBIN: Subject = {
  async prepare({ rules }) {
    const lines = rules.map(
      ({ agent, tool, operation, limit, effect }) =>
        `p, agent-${agent}, tool-${tool}, op-${operation}, ${limit}, ${effect}`,
    );
    const text = lines.join('\n');
    return {
      async load() {
        const enforcer = await newEnforcer(newModelFromString(MODEL), new StringAdapter(text));
        return {
          encode: ({ agent, tool, operation, tokens }: WorkRequest) => [
            `agent-${agent}`,
            `tool-${tool}`,
            `op-${operation}`,
            tokens,
          ],
          decide: (encoded) => enforcer.enforceSync(...(encoded as unknown[])),
        };
      },
    };
  },
};
