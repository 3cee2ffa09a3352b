/** The agent that attempts: wire <-> domain. */

import type { AgentSubject } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import { type Findings, join, readRequiredText } from './findings.js';

type Details = Omit<AgentSubject, 'id'>;

const FIELDS = defineFields<Details, Omit<Wire.Agent, 'id'>>(
  {
    type: 'text',
    trust_level: 'number',
    attributes: 'json_object',
  },
  ['id'],
);

/** The agent as it travels. */
export function toWireAgent(agent: AgentSubject): Wire.Agent {
  const message: Wire.Agent = writeFields<Details, Wire.Agent>(FIELDS, agent);
  message.id = agent.id;
  return message;
}

/** The agent as it arrived. */
export function fromWireAgent(message: Wire.Agent__Output, path: string, findings: Findings): AgentSubject {
  const id = readRequiredText(message.id, join(path, 'id'), findings);
  return readFields(FIELDS, message, path, findings, { id });
}
