import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

/**
 * The YAML library, loaded only when text turns out not to be JSON, so that a process configured in JSON does not wait
 * for it at its start. Required rather than imported because configuration is read synchronously.
 */
export function loadYaml(): typeof Yaml {
  return createRequire(import.meta.url)('yaml') as typeof Yaml;
}
