/** The two files of a sidecar's tool definitions: what it saw, which only it writes, and what people accepted. */

import { readFile } from 'node:fs/promises';
import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { z } from 'zod';
import { replaceFile } from '../files/private-files.js';

const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** A mounted file is read by another user than the one who writes it. It holds nothing secret. */
const READABLE = 0o644;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const seenFile = z.object({
  version: z.literal(1),
  tools: z.array(
    z.object({
      server: z.string(),
      name: z.string(),
      digest,
      seen: z.string(),
      quarantined: z
        .object({ digest, reason: z.string(), at: z.string(), tool: z.record(z.string(), z.json()) })
        .optional(),
    }),
  ),
});
const acceptedFile = z.strictObject({
  version: z.literal(1),
  accepted: z.array(z.strictObject({ server: z.string(), name: z.string(), digest })),
});

/** A tool that a sidecar saw. */
export type SeenTool = z.output<typeof seenFile>['tools'][number];
/** A definition that somebody accepted. */
export type AcceptedTool = z.output<typeof acceptedFile>['accepted'][number];

/** @throws PortcullisError `ERR_TOOL_STATE` when it cannot be read */
export async function readSeenTools(path: string): Promise<readonly SeenTool[]> {
  const json = await jsonOf(path);
  const parsed = seenFile.safeParse(json);
  if (parsed.success) return parsed.data.tools;
  const message =
    json === undefined
      ? `--state: ${path} is not there: expected what \`definitions.stateFile\` of the sidecar names, once it has seen tools`
      : `--state: ${path} is not a file of definitions that were seen`;
  throw new PortcullisError('ERR_TOOL_STATE', 'invalid', message);
}

/** A missing file is empty. @throws PortcullisError `ERR_TOOL_ACCEPTED` when it cannot be used */
export async function readAcceptedTools(path: string): Promise<readonly AcceptedTool[]> {
  const parsed = acceptedFile.safeParse((await jsonOf(path)) ?? { version: 1, accepted: [] });
  if (parsed.success) return parsed.data.accepted;
  throw new PortcullisError(
    'ERR_TOOL_ACCEPTED',
    'invalid',
    `--accepted: ${path} is not a file of accepted definitions`,
  );
}

/** Replaces it in one step. */
export async function writeAcceptedTools(path: string, accepted: readonly AcceptedTool[]): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ version: 1, accepted }, null, 2)}\n`, READABLE);
}

async function jsonOf(path: string): Promise<unknown> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (bytes === undefined) return undefined;
  const parsed = parseStrictJson(bytes, { maxBytes: MAX_FILE_BYTES });
  return parsed.ok ? parsed.value : null;
}
