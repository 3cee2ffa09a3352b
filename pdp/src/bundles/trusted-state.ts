/**
 * What a PDP must not forget: the versions and the release that it accepted, and the exact signed bytes that prove the
 * release, so that it can start again from its own disk. One file, replaced whole, with a checksum: a torn or flipped
 * byte is noticed, and a PDP that cannot tell what it accepted does not start.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import { writeDurably } from './durable-file.js';
import { floorsSchema } from './floors.js';

const FORMAT = 'portcullis.trusted/1';
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const millis = z.number().min(0);

const stateSchema = z
  .strictObject({
    format: z.literal(FORMAT),
    env: z.string(),
    channel: z.string(),
    floors: floorsSchema,
    /** Wall clock at the newest acceptance of metadata, epoch milliseconds. */
    trusted_at: millis,
    /** The last release that was put in force; absent before the first. */
    accepted: z
      .strictObject({
        /** Which of the two pointers it is: that of the releases role or that of the aborts role. */
        path: z.string(),
        pointer: base64,
        expires_at: millis,
        accepted_at: millis,
        /** Metadata bytes by role. */
        proof: z.record(z.string(), base64),
      })
      .readonly()
      .optional(),
  })
  .readonly();

/** The state on disk. */
export type TrustedState = z.output<typeof stateSchema>;

/**
 * Reads the state; `undefined` when there never was one.
 * @throws PortcullisError kind `corrupt` when there is one that cannot be believed, or one of another channel.
 */
export async function readTrustedState(
  path: string,
  expected: { readonly env: string; readonly channel: string },
): Promise<TrustedState | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    // Not `instanceof`: errors of Node itself are of another realm under a test runner.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
    throw corrupt('the trusted state cannot be read', error);
  }
  const newline = text.indexOf('\n');
  const body = text.slice(newline + 1);
  if (newline < 0 || text.slice(0, newline) !== checksum(body)) throw corrupt('the trusted state is damaged');
  const parsed = stateSchema.safeParse(JSON.parse(body));
  if (!parsed.success) throw corrupt('the trusted state has an unknown form', parsed.error);
  if (parsed.data.env !== expected.env || parsed.data.channel !== expected.channel) {
    throw corrupt(`the data directory belongs to ${parsed.data.env}/${parsed.data.channel}`);
  }
  return parsed.data;
}

/** Replaces the state; it has survived a power cut once this resolves. */
export async function writeTrustedState(path: string, state: Omit<TrustedState, 'format'>): Promise<void> {
  const body = JSON.stringify({ format: FORMAT, ...state });
  await writeDurably(path, Buffer.from(`${checksum(body)}\n${body}`));
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function corrupt(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_BUNDLE_STATE', 'corrupt', message, cause === undefined ? {} : { cause });
}
