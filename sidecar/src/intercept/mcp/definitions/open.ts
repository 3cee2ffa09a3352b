/** Opens the definitions of tools of one front end. */

import type { DefinitionsConfig } from './config.js';
import { openAccepted, openLedgerState } from './files.js';
import { createLedger, keyOf } from './ledger.js';
import { createToolDefinitions, type ToolDefinitions, type ToolDefinitionsOptions } from './tool-definitions.js';

/** What it shares with the rest of the process. */
export type DefinitionParts = Omit<ToolDefinitionsOptions, 'config' | 'ledger'>;

/**
 * Reads what is remembered and what was accepted.
 * @throws PortcullisError when one of the files is there and cannot be used
 */
export async function openToolDefinitions(config: DefinitionsConfig, parts: DefinitionParts): Promise<ToolDefinitions> {
  const ledger = createLedger({
    config,
    state: await openLedgerState(config.stateFile),
    accepted: await openAccepted(config.acceptedFile, keyOf, parts.log),
    clock: parts.clock,
    onQuarantine: (server, tool, reason) => parts.log.warn({ server, tool, reason }, 'Tool is quarantined'),
  });
  return createToolDefinitions({ ...parts, config, ledger });
}
