import { kindOf } from '../../model/request.js';
import type { Analyser, RiskSubject } from '../signal.js';

/** Where an agent's registered scope stands: globs of `server/tool`, or of a bare tool's name. */
const SCOPE_ATTRIBUTES = ['scope', 'allowed_tools'] as const;

/** A tool outside what the agent is registered for, or outside the plan that was declared for the task. */
export const SCOPE_VIOLATION: Analyser = {
  signalType: 'scope_violation',
  description: 'The tool is not among those that the agent is registered for, or that were declared for this task.',
  reads: ['agent.attributes.scope', 'agent.attributes.allowed_tools', 'context.attributes.declared_scope'],
  needsBaseline: false,
  weight: 0.6,
  dimensions: { goal_drift: 0.8, privilege_escalation: 0.5 },
  blindTo: 'what a tool inside the scope is used for; agents without a registered or declared scope.',
  analyse: ({ request }: RiskSubject) => {
    if (kindOf(request) !== 'tool_call' || request.tool?.name === undefined) return undefined;
    const { name, server } = request.tool;
    const registered = SCOPE_ATTRIBUTES.map((attribute) => listOf(request.agent.attributes?.[attribute])).find(
      (list) => list !== undefined,
    );
    const declared = listOf(request.context.attributes?.['declared_scope']);
    const outside = [
      ...(registered === undefined || isListed(registered, server, name) ? [] : ['registered']),
      ...(declared === undefined || isListed(declared, server, name) ? [] : ['declared']),
    ];
    if (outside.length === 0) return undefined;
    return { score: outside.includes('registered') ? 1 : 0.8, details: { outside_of: outside } };
  },
};

/** `undefined` for what is not a list: no scope was given. An empty list is a scope that holds nothing. */
function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : undefined;
}

function isListed(scope: readonly string[], server: string | undefined, name: string): boolean {
  return scope.some((entry) => fits(entry, name) || (server !== undefined && fits(entry, `${server}/${name}`)));
}

/** A trailing `*` stands for the rest; nothing else is special. */
function fits(entry: string, name: string): boolean {
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name;
}
