/** Configuration of what is made of the definitions of tools. */

import { INSTRUCTIONS_FROM } from '@portcullis/policy/content';
import { z } from 'zod';

const toolPin = z.strictObject({
  server: z.string().min(1).max(64).describe('The name of the server here.'),
  name: z.string().min(1).max(128).describe('The name of the tool at that server.'),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest: 64 lower-case hexadecimal digits')
    .describe('Of its definition, as `portcullis tools list` says it.'),
});

/** What the file of accepted definitions holds; written by people, read by the sidecar. */
export const acceptedFile = z.strictObject({
  version: z.literal(1),
  accepted: z.array(toolPin).max(100_000),
});

/** `definitions`, of the HTTP proxy and of the stdio wrapper. */
export const definitionsConfig = z
  .strictObject({
    filterLists: z
      .boolean()
      .default(true)
      .describe('Whether a tool that the agent may not call is left out of lists; asks once per tool of a list.'),
    unseen: z
      .enum(['list', 'refuse', 'ask'])
      .default('list')
      .describe(
        'A call of a tool whose definition was not seen in the session, or not for `maxAgeMs`: the sidecar lists the ' +
          'tools itself first; refuses; or asks without a digest, with which a policy that pins tools denies.',
      ),
    firstUse: z
      .enum(['trust', 'quarantine'])
      .default('trust')
      .describe('What becomes of a tool that has no pin and was never seen.'),
    sameNames: z
      .enum(['quarantine', 'within_server'])
      .default('quarantine')
      .describe(
        'Whether a tool of the name of an earlier tool, or of one that looks like it, is quarantined also where ' +
          'another server has it.',
      ),
    quarantineFrom: z
      .number()
      .min(0)
      .max(1)
      .default(INSTRUCTIONS_FROM)
      .describe(
        'The score from which what a definition says counts as instructions to the model; 0 is nearly any text.',
      ),
    checkArguments: z
      .boolean()
      .default(true)
      .describe("Whether arguments must be what the definition's `inputSchema` wants, where a definition was seen."),
    stateFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Where the definitions that were seen first are remembered, written by the sidecar alone. Without it a ' +
          'change while the sidecar is down is not noticed.',
      ),
    acceptedFile: z
      .string()
      .min(1)
      .optional()
      .describe('Definitions that somebody accepted (`portcullis tools accept`); read, never written, by the sidecar.'),
    pins: z
      .array(toolPin)
      .max(10_000)
      .default([])
      .describe('Definitions that are accepted, and the only ones of their tools.'),
    maxTools: z.int().min(1).max(10_000).default(1_024).describe('Most tools of one server; what is beyond is hidden.'),
    maxDefinitionBytes: z
      .int()
      .min(1_024)
      .max(1_048_576)
      .default(65_536)
      .describe('Largest definition, as canonical JSON; a larger one is hidden.'),
    maxPages: z.int().min(1).max(1_000).default(32).describe('Most pages of a list that the sidecar fetches itself.'),
    maxAgeMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(300_000)
      .describe('How long a definition that was seen in a session stands for the one that the server has.'),
    concurrency: z.int().min(1).max(256).default(16).describe('Questions about the tools of a list at once.'),
  })
  .prefault({})
  .describe('What is made of the definitions of tools ([ADR-0029](../adr/0029-tool-definitions.md)).');

/** Value of {@link definitionsConfig}. */
export type DefinitionsConfig = z.output<typeof definitionsConfig>;
