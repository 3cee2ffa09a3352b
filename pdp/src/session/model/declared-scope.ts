/**
 * The tools that an agent says its present step needs: `context.attributes.declared_scope`, names or `server/name`, where a
 * trailing `*` stands for the rest. It can only take away (contracts §9, ADR-0038): a tool that is not among them is outside
 * of the task, and one that is stands as it would without.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';

/** Whether the agent has said that it does not need the tool. What is no list names none. */
export function isDisclaimed({ context }: CanonicalRequest, server: string, name: string): boolean {
  const said = context.attributes?.['declared_scope'];
  if (said === undefined) return false;
  const whole = `${server}/${name}`;
  const isMeant = (entry: unknown): boolean => {
    if (typeof entry !== 'string') return false;
    if (!entry.endsWith('*')) return entry === name || entry === whole;
    return name.startsWith(entry.slice(0, -1)) || whole.startsWith(entry.slice(0, -1));
  };
  return !(Array.isArray(said) && said.some(isMeant));
}
