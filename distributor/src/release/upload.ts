/** What a publisher sends, and how it is told no. */

import { formatProblem, type Problem } from '@portcullis/policy/model';
import { isReleaseName } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';

/** A release as it arrives: nothing in it is trusted yet. All of it becomes current, or none of it. */
export interface ReleaseUpload {
  readonly env: string;
  readonly channel: string;
  /** Exact bytes of new role metadata: `targets`, `releases-<env>`, `aborts-<env>`, `kills-<env>` (for new keys). */
  readonly roles: ReadonlyMap<string, Uint8Array>;
  /** Exact bytes of the pointer, when the upload changes it. */
  readonly pointer: Uint8Array | undefined;
}

/** What was published; the numbers a TUF client will see. */
export interface Published {
  /** Of the channel's pointer that is in force now; 0 when it has none. */
  readonly seq: number;
  readonly snapshot_version: number;
  readonly timestamp_version: number;
}

const base64 = z
  .base64()
  .max(8_000_000)
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const releaseName = z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens');

/** The body of `POST /v1/releases`. */
export const releaseBody = z.strictObject({
  env: releaseName.describe('The environment whose channel is released.'),
  channel: releaseName.describe('The channel.'),
  role_metadata: z
    .record(z.string().max(80), base64)
    .describe(
      'Base64 of the exact bytes of new metadata, by role: targets, releases-<env>, aborts-<env>, kills-<env>.',
    ),
  pointer: base64.optional().describe('Base64 of the exact bytes of the pointer target.'),
});

/** The body as an upload. */
export function toUpload(body: z.output<typeof releaseBody>): ReleaseUpload {
  return {
    env: body.env,
    channel: body.channel,
    roles: new Map(Object.entries(body.role_metadata)),
    pointer: body.pointer,
  };
}

/** What somebody else's release in between looks like: signing again on top of it helps. */
const CONFLICTS: ReadonlySet<string> = new Set(['ERR_RELEASE_VERSION', 'ERR_RELEASE_SEQ']);

/**
 * The fault that tells a publisher no, with every problem: `conflict` when another release came first, else `invalid`.
 */
export function refusal(problems: readonly Problem[]): PortcullisError {
  const conflict = problems.length > 0 && problems.every((problem) => CONFLICTS.has(problem.code));
  const code = conflict ? 'ERR_RELEASE_CONFLICT' : 'ERR_RELEASE_REFUSED';
  const message = `the release is refused: ${problems.map(formatProblem).join('; ')}`;
  return new PortcullisError(code, conflict ? 'conflict' : 'invalid', message.slice(0, 4096), {
    details: { problems },
  });
}
