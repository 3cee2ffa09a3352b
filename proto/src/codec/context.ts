/** Circumstances of the attempt: wire <-> domain. */

import type { RequestContext } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { defineFields, readFields, writeFields } from './fields.js';
import { type Findings, join, readOptionalEnum, readRequiredText } from './findings.js';

type Apart = 'timestamp' | 'request_id' | 'environment';
type Details = Omit<RequestContext, Apart>;

const FIELDS = defineFields<Details, Omit<Wire.Context, Apart>>(
  {
    ip: 'text',
    session_id: 'text',
    workspace_id: 'text',
    tenant_id: 'text',
    data_classification: 'text',
    labels: 'text_list',
    store: 'text',
    delegation: 'json_object',
    approval: 'json_object',
    task: 'json_object',
    attributes: 'json_object',
  },
  ['timestamp', 'request_id', 'environment'],
);

/** The circumstances as they travel. */
export function toWireContext(context: RequestContext): Wire.Context {
  const message: Wire.Context = writeFields<Details, Wire.Context>(FIELDS, context);
  message.timestamp = context.timestamp;
  message.request_id = context.request_id;
  if (context.environment !== undefined) message.environment = ENUMS.environment.toWire[context.environment];
  return message;
}

/** The circumstances as they arrived. */
export function fromWireContext(message: Wire.Context__Output, path: string, findings: Findings): RequestContext {
  const environment = readOptionalEnum(message.environment, ENUMS.environment, join(path, 'environment'), findings);
  return readFields(FIELDS, message, path, findings, {
    timestamp: readRequiredText(message.timestamp, join(path, 'timestamp'), findings),
    request_id: readRequiredText(message.request_id, join(path, 'request_id'), findings),
    ...(environment === undefined ? undefined : { environment }),
  });
}
