/** Static configuration of what agents are told while people are asked. Whom to ask is said by policies. */

import { z } from 'zod';

const PLACEHOLDER = '{id}';

/** The `approvals` part of the configuration. */
export const approvalsConfig = z
  .strictObject({
    page: z
      .string()
      .max(2048)
      .refine((text) => {
        const url = URL.canParse(text) ? new URL(text) : undefined;
        const isPlain = url !== undefined && url.username === '' && url.password === '';
        return isPlain && /^https?:$/.test(url.protocol) && text.split(PLACEHOLDER).length === 2;
      }, 'expected an http or https URL with {id} in it once, for example https://console.example.com/approvals/{id}')
      .optional()
      .describe(
        'Where people answer an approval; {id} becomes its id. Clients that can show a page to their user (URL elicitation) ' +
          'are told it. Nobody is when absent.',
      ),
    waitMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(25_000)
      .describe(
        'Longest time that a held tool call waits for people before it is answered; keep it below the request timeout of ' +
          'clients. A call that is made again waits again. 0: never.',
      ),
    progressMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(5_000)
      .describe('Between two signs of life to a client whose call waits.'),
    pollMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(5_000)
      .describe('Longest time between two questions to the PDPs about a call that waits; answers wake it sooner.'),
    maxWaiting: z
      .int()
      .min(0)
      .max(100_000)
      .default(64)
      .describe('Tool calls that may wait at once; further ones are answered without waiting.'),
    stateKeyFile: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        'File with the key of what clients bring back (requestState), at least 32 bytes; all sidecars of an agent that have ' +
          'the same can go on with the calls of each other. A key of its own at every start when absent.',
      ),
  })
  .prefault({})
  .describe('What agents are told while people are asked (guide: approvals).');

/** Value of {@link approvalsConfig}. */
export type ApprovalsConfig = z.output<typeof approvalsConfig>;

/** The page of an approval. */
export function pageOf(template: string | undefined, id: string): string | undefined {
  return template?.replace(PLACEHOLDER, encodeURIComponent(id));
}
