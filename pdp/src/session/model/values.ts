import type { CanonicalRequest, Json, ValueRole } from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';
import { roleOf } from './roles.js';
import { SESSION_CAPS } from './state.js';

/** A value of a request: where it stands, what it is to the call, and its text. */
export interface SpokenValue {
  /** As `facts.provenance` writes it: `tool.arguments.to[0]`. */
  readonly path: string;
  /** The argument that holds it. */
  readonly argument: string;
  readonly role: ValueRole;
  readonly value: string | number | boolean;
}

const SPECIAL = /[\\.[\]]/gu;

/**
 * The values that an attempt would carry somewhere: arguments, the host and path of a connection, the address of another agent.
 * At most {@link SESSION_CAPS.values}.
 */
export function valuesOf(request: CanonicalRequest, annotations: ToolAnnotations | undefined): readonly SpokenValue[] {
  const values: SpokenValue[] = [];
  const add = (path: string, argument: string, role: ValueRole, value: Json | undefined): void => {
    if (value === undefined || value === null || values.length >= SESSION_CAPS.values) return;
    if (Array.isArray(value)) {
      for (const [index, element] of (value as readonly Json[]).entries())
        add(`${path}[${index}]`, argument, role, element);
    } else if (typeof value === 'object') {
      for (const [name, member] of Object.entries(value)) add(`${path}.${escaped(name)}`, argument, role, member);
    } else values.push({ path, argument, role, value });
  };
  for (const [name, value] of Object.entries(request.tool?.arguments ?? {})) {
    add(`tool.arguments.${escaped(name)}`, name, roleOf(annotations, name, value), value);
  }
  add('egress.host', 'host', 'destination', request.egress?.host);
  add('egress.path', 'path', 'payload', request.egress?.path);
  add('peer.url', 'url', 'destination', request.peer?.url);
  add('peer.agent_id', 'agent_id', 'destination', request.peer?.agent_id);
  return values;
}

function escaped(name: string): string {
  return name.replace(SPECIAL, (char) => `\\${char}`);
}
