/**
 * The kill list: what is stopped everywhere, whatever policy says (ADR-0018). It is the metadata of the delegated role
 * `kills-<env>`, in a field that TUF ignores, so that one small signed file carries it: its version is the list's `seq`.
 */

import { Metadata, Targets } from '@tufjs/models';
import { z } from 'zod';
import type { Checked } from '../model/index.js';
import { parseDocument, refused } from './document.js';
import { expiryAfter, type JsonObject, parseTargets, type SignedFile, SPEC_VERSION, signedFile } from './metadata.js';
import { isReleaseName, killsRole } from './paths.js';
import type { SigningKey } from './signing-key.js';
import { verifyRole } from './verify.js';

/** The field of the signed metadata that holds the list. */
export const KILLS_FIELD = 'x-portcullis-kills';
/** The channel subject on which a PDP passes on a list that the channel does not show. */
export const KILL_SUBJECT = 'portcullis.kill';
/** No kill list is larger. */
export const MAX_KILL_LIST_BYTES = 512 * 1024;
/** No kill list has more entries. */
export const MAX_KILLS = 1_000;
/** The `seq` travels as the epoch of the kill switch, which is an unsigned 32-bit number. */
export const MAX_KILL_SEQ = 0xffff_ffff;

const CODE = 'ERR_KILL_LIST';
const name = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, hyphens');
const toolPart = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => text.isWellFormed(), 'expected well-formed Unicode');

const scopeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('agent'), tenant: name, agent: name }).readonly(),
  z.strictObject({ kind: z.literal('tenant'), tenant: name }).readonly(),
  z.strictObject({ kind: z.literal('tool'), server: toolPart, name: toolPart }).readonly(),
  z.strictObject({ kind: z.literal('all') }).readonly(),
]);

const killSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 lower-case letters, digits, hyphens'),
    scope: scopeSchema,
    reason: z
      .string()
      .min(1)
      .max(512)
      .refine((text) => text.isWellFormed(), 'expected well-formed Unicode'),
    actor: z.string().min(1).max(256),
    at: z.iso.datetime(),
    expires: z.iso.datetime().optional(),
  })
  .readonly();

const listSchema = z
  .strictObject({
    env: z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens'),
    kills: z
      .array(killSchema)
      .max(MAX_KILLS)
      .refine((kills) => new Set(kills.map(({ id }) => id)).size === kills.length, 'two kills have the same id')
      .readonly(),
  })
  .readonly();

const envelopeSchema = z.looseObject({ signed: z.looseObject({ [KILLS_FIELD]: listSchema }) });

/** What a kill stops: one agent, a tenant, a tool (`name` `*` for a whole server), or everything. */
export type KillScope = z.output<typeof scopeSchema>;
/** One thing that is stopped; for ever, or until `expires`. */
export type Kill = z.output<typeof killSchema>;

/** A verified list. */
export interface KillList {
  readonly env: string;
  /** Only ever rises. */
  readonly seq: number;
  readonly kills: readonly Kill[];
}

/** The field of a list, as it is signed. */
export function killsField(env: string, kills: readonly Kill[]): JsonObject {
  // What is undefined is left out, as it is when the metadata is encoded.
  return JSON.parse(JSON.stringify({ [KILLS_FIELD]: { env, kills } })) as JsonObject;
}

/** Reads a list whose bytes are trusted for where they come from. Problems have the code `ERR_KILL_LIST`. */
export function readKillList(bytes: Uint8Array, env: string): Checked<KillList> {
  const opened = parseTargets(bytes);
  return opened.ok ? listOf(opened.value, bytes, env) : refused(CODE, opened.problems[0]?.message ?? 'not metadata');
}

/**
 * Reads a list and verifies who signed it. Problems have the code `ERR_KILL_LIST` when it is not one, or is for another
 * environment, and `ERR_TRUST_SIGNATURE` when the role's keys did not sign it. Not judged here: `seq`, which only whoever
 * knows the newest one can, and the expiry of the metadata, because a kill must not end by itself (see `Kill.expires`).
 * @param delegator targets metadata that is trusted
 */
export function openKillList(bytes: Uint8Array, delegator: Metadata<Targets>, env: string): Checked<KillList> {
  const metadata = parseTargets(bytes);
  if (!metadata.ok) return refused(CODE, metadata.problems[0]?.message ?? 'not metadata');
  const verified = verifyRole(delegator, killsRole(env), metadata.value);
  return verified.ok ? listOf(metadata.value, bytes, env) : verified;
}

function listOf({ signed }: Metadata<Targets>, bytes: Uint8Array, env: string): Checked<KillList> {
  const document = parseDocument(bytes, envelopeSchema, { code: CODE, maxBytes: MAX_KILL_LIST_BYTES });
  if (!document.ok) return document;
  const list = document.value.signed[KILLS_FIELD];
  // Environments may share a key.
  if (list.env !== env) return refused(CODE, `the list is for ${list.env}, not for ${env}`);
  if (signed.version > MAX_KILL_SEQ) return refused(CODE, `the seq is larger than ${MAX_KILL_SEQ}`);
  return { ok: true, value: { env, seq: signed.version, kills: list.kills } };
}

/** What {@link signKillList} is told. */
export interface KillListSigning extends KillList {
  readonly keys: readonly SigningKey[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** For TUF clients, in milliseconds; PDPs hold on to a list until they are given a newer one. */
  readonly lifetimeMs: number;
}

/** Signs a list. Refuses with `ERR_KILL_LIST` what its readers would refuse. */
export function signKillList({ env, seq, kills, keys, now, lifetimeMs }: KillListSigning): Checked<SignedFile> {
  const list = listSchema.safeParse({ env, kills });
  if (!list.success) return refused(CODE, z.prettifyError(list.error));
  if (!Number.isSafeInteger(seq) || seq < 1 || seq > MAX_KILL_SEQ)
    return refused(CODE, 'the seq is out of range', 'seq');
  const signed = new Targets({
    version: seq,
    specVersion: SPEC_VERSION,
    expires: expiryAfter(now, lifetimeMs),
    targets: {},
    unrecognizedFields: killsField(env, list.data.kills),
  });
  const file = signedFile(new Metadata(signed), keys);
  if (file.bytes.byteLength <= MAX_KILL_LIST_BYTES) return { ok: true, value: file };
  return refused(CODE, `the list has more than ${MAX_KILL_LIST_BYTES} bytes`);
}

/** A scope as people write it: `agent acme/a1`, `tenant acme`, `tool github/delete_repo`, `all`. */
export function scopeText(scope: KillScope): string {
  switch (scope.kind) {
    case 'agent':
      return `agent ${scope.tenant}/${scope.agent}`;
    case 'tenant':
      return `tenant ${scope.tenant}`;
    case 'tool':
      return `tool ${scope.server}/${scope.name}`;
    case 'all':
      return 'all';
  }
}

/** Whether a kill is in force; `now` is epoch milliseconds. */
export function isKillInForce({ expires }: Pick<Kill, 'expires'>, now: number): boolean {
  return expires === undefined || now < Date.parse(expires);
}
