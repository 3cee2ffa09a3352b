/** The tool that would run: wire <-> domain. */

import type { ToolTarget } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import type { Findings } from './findings.js';

const FIELDS = defineFields<ToolTarget, Wire.Tool>({
  id: 'text',
  name: 'text',
  operation: 'text',
  server: 'text',
  arguments: 'json_object',
  definition_digest: 'text',
  attributes: 'json_object',
});

/** The tool that would run, as it travels. */
export function toWireTool(value: ToolTarget): Wire.Tool {
  return writeFields(FIELDS, value);
}

/** The tool that would run, as it arrived. */
export function fromWireTool(message: Wire.Tool__Output, path: string, findings: Findings): ToolTarget {
  return readFields(FIELDS, message, path, findings);
}
