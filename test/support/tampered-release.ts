/** Releases that a decision tells apart, and what is done to their bytes on the way. */

import type { PdpVoice } from './ask-pdp.js';
import { allowTools, denyTools, type PolicySource, policySource } from './policy-source.js';
import { bundleOf, type ReleaseDraft } from './signed-repository.js';

/** What is asked about. */
export const TOOLS = ['read', 'write', 'drop', 'unheard-of'] as const;

/** They differ in one tool, so that a decision tells them apart. */
export function policies(version: string, tool: 'read' | 'write'): PolicySource {
  return policySource(version, [
    allowTools('files', [tool]),
    denyTools('files', ['drop'], 'DROP_OFF', 'Nothing may be dropped.'),
  ]);
}

/** Of them, what a test releases by itself. */
export async function draftOf(policyVersion: string, tool: 'read' | 'write' = 'write'): Promise<ReleaseDraft> {
  return { bundle: await bundleOf(policies(policyVersion, tool)), policyVersion };
}

/** Everything that a PDP says now that is the same whenever the same is asked of the same release. */
export async function answers(of: PdpVoice): Promise<readonly unknown[]> {
  const said = await Promise.all(TOOLS.map((tool) => of.ask(tool)));
  return said.map(({ lasting, codes }) => lasting ?? codes);
}

/** One byte changed, in the bits of the mask. */
export function flipped(bytes: Buffer, offset: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ mask;
  return copy;
}
