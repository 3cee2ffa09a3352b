/** What a model call asks for: wire <-> domain. */

import type { ModelRequest } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import type { Findings } from './findings.js';

const FIELDS = defineFields<ModelRequest, Wire.ModelRequest>({
  action: 'text',
  model: 'text',
  model_provider: 'text',
  model_endpoint: 'text',
  estimated_tokens: 'number',
  max_tokens: 'number',
  stream: 'flag',
  query: 'text',
  output: 'text',
});

/** What a model call asks for, as it travels. */
export function toWireModelRequest(value: ModelRequest): Wire.ModelRequest {
  return writeFields(FIELDS, value);
}

/** What a model call asks for, as it arrived. */
export function fromWireModelRequest(
  message: Wire.ModelRequest__Output,
  path: string,
  findings: Findings,
): ModelRequest {
  return readFields(FIELDS, message, path, findings);
}
