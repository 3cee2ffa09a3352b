import { policyJsonSchema } from '@portcullis/policy';
import { formattedJson } from './formatted-json.js';
import type { Page } from './page.js';

/** `proto/schema/policy.schema.json`, in the checkout's own formatting. */
export function policySchemaFile(root: string): Page {
  return formattedJson(root, 'proto/schema/policy.schema.json', policyJsonSchema());
}
