/** Configuration of where the user and the task of attempts are read (ADR-0038). */

import { z } from 'zod';

/** They frame or route the message, or say something else already. */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept.*|cookie|origin|proxy-.*|mcp-.*|a2a-.*|portcullis-(delegation|decision-id|request-digest)|trace(parent|state)|__proto__|constructor|prototype)$/;

const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'must be a header name in lower case')
  .refine((name) => !RESERVED_HEADER.test(name), 'belongs to the protocol');
const metaName = z
  .string()
  .regex(/^[A-Za-z0-9._/-]{1,256}$/, 'must be 1 to 256 letters, digits, ., _, - and /')
  .refine((name) => !/^(?:io\.modelcontextprotocol|modelcontextprotocol\.io)\/|^progressToken$|^trace/.test(name), {
    message: 'belongs to the protocol',
  });
const variable = z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'must be the name of an environment variable');

const userToken = z.strictObject({
  header: headerName
    .optional()
    .describe(
      'Request header with the token of the user for whom the agent acts, such as x-user-token; `Bearer ` before it is cut.',
    ),
  meta: metaName
    .optional()
    .describe('Member of an MCP message’s `_meta` with the token. It is taken out of the message.'),
  env: variable
    .optional()
    .describe(
      'Environment variable with the token of the only user of this sidecar; a message that brings another is refused.',
    ),
  required: z.boolean().default(false).describe('Whether an attempt without a token is refused unasked.'),
  keepHeader: z
    .boolean()
    .default(false)
    .describe(
      'Whether the egress proxy passes the header on, where the token is the destination’s own credential as well. No other surface ' +
        'passes it on.',
    ),
  maxBytes: z.int().min(256).max(65_536).default(8_192).describe('A longer token is refused, in bytes.'),
});

const task = z.strictObject({
  env: variable
    .optional()
    .describe(
      'Environment variable with the task as whoever started the agent declares it: a JSON object with `prompt`, `user`, `tools`, and ' +
        'what policies read besides; `context.task`.',
    ),
  header: headerName
    .optional()
    .describe(
      'Request header in which the agent may name the tools of a narrower task: {"tools": ["name", "server/name"]}.',
    ),
  meta: metaName
    .optional()
    .describe('Member of an MCP message’s `_meta` with the same. It is taken out of the message.'),
  maxBytes: z.int().min(256).max(65_536).default(16_384).describe('A longer declaration is refused, in bytes of JSON.'),
});

/** `onBehalf`: for whom agents act, and for what. */
export const behalfConfig = z
  .strictObject({
    userToken: userToken
      .optional()
      .describe(
        'Where the user’s token is; PDPs verify it (`users` in their configuration). Without it there is no user.',
      ),
    task: task.optional().describe('Where the task is declared. What an agent says of it only takes away.'),
  })
  .prefault({})
  .refine(({ userToken: token }) => token === undefined || [token.header, token.meta, token.env].some((one) => one), {
    path: ['userToken'],
    message: 'say where the token is: header, meta or env',
  })
  .refine(
    ({ task: declared }) => declared === undefined || [declared.header, declared.meta, declared.env].some((one) => one),
    {
      path: ['task'],
      message: 'say where the task is: env, header or meta',
    },
  )
  .refine(
    ({ userToken: token, task: declared }) =>
      (token?.header === undefined || token.header !== declared?.header) &&
      (token?.meta === undefined || token.meta !== declared?.meta),
    { path: ['task'], message: 'the task cannot be where the token is' },
  );

/** Value of {@link behalfConfig}. */
export type BehalfConfig = z.output<typeof behalfConfig>;
