/** What is kept of a request so that people can see what they agree to, and how it is shown to them. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type ContextualRequest, type Json, type JsonObject, kindOf } from '@portcullis/policy/model';
import { argumentsDigestHex } from '@portcullis/proto';
import type { ApprovalsConfig } from './approvals-config.js';

/** Keeps and shows. */
export interface Showing {
  /** What is stored. */
  describe(request: ContextualRequest): JsonObject;
  /** What an approver sees of it. */
  reveal(about: JsonObject): JsonObject;
}

/** Longest text of a summary, in UTF-16 units, and the most of everything else. */
const MAX_TEXT = 256;
const MAX_ITEMS = 50;
const MAX_DEPTH = 6;
/** A request that is larger than this is not kept whole, in bytes. */
const MAX_SEALED = 256 * 1024;
const SECRET_NAME = /pass(word|phrase)?$|secret|token|credential|authori[sz]ation|cookie|api[-_]?key|private[-_]?key/i;
const SECRET_TEXT =
  /-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:AKIA[0-9A-Z]{16}|gh[opsu]_\w{30,}|sk-[\w-]{20,}|xox[abpr]-[\w-]{10,}|eyJ[\w-]+\.eyJ[\w-]+\.)/;

/** @param key 32 bytes for `sealed` */
export function createShowing(show: ApprovalsConfig['payload']['show'], key: Uint8Array | undefined): Showing {
  if (show === 'sealed' && key?.length !== 32) throw new TypeError('sealed payloads need a key of 32 bytes');
  return {
    describe: (request) => {
      const named = namesOf(request);
      const args = request.tool?.arguments;
      const digest = args === undefined ? {} : { arguments_digest: argumentsDigestHex(args) };
      if (show === 'names') return { ...named, ...digest, arguments: Object.keys(args ?? {}).slice(0, MAX_ITEMS) };
      const payload = payloadOf(request);
      if (show === 'sealed' && key !== undefined) {
        const text = JSON.stringify(payload);
        if (Buffer.byteLength(text) <= MAX_SEALED) return { ...named, ...digest, sealed: seal(text, key) };
      }
      const cut = { isWhole: true };
      const shown = summary(payload, 0, cut) as JsonObject;
      return { ...named, ...digest, payload: shown, complete: cut.isWhole };
    },
    reveal: (about) => {
      const { sealed, ...rest } = about;
      if (typeof sealed !== 'string') return about;
      const text = key === undefined ? undefined : unseal(sealed, key);
      if (text === undefined) return { ...rest, complete: false, note: 'encrypted with a key that is not here' };
      return { ...rest, payload: JSON.parse(text) as Json, complete: true };
    },
  };
}

/** Who asks for what, without anything that the agent composed. */
function namesOf(request: ContextualRequest): JsonObject {
  const { tool, user, context, egress, request: model, peer } = request;
  const named: Record<string, Json | undefined> = {
    kind: kindOf(request),
    source: request.source,
    user: user?.id,
    user_email: user?.email,
    server: tool?.server,
    tool: tool?.name,
    operation: tool?.operation,
    model: model?.model,
    host: egress?.host,
    peer: peer?.agent_id,
    environment: context.environment,
    workspace: context.workspace_id,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value.slice(0, MAX_TEXT)] as const] : [],
    ),
  );
}

function payloadOf({ tool, request, egress, peer }: ContextualRequest): JsonObject {
  return {
    ...(tool?.arguments === undefined ? {} : { arguments: tool.arguments }),
    ...(request === undefined ? {} : { request: request as unknown as JsonObject }),
    ...(egress === undefined ? {} : { egress: egress as unknown as JsonObject }),
    ...(peer === undefined ? {} : { peer: peer as unknown as JsonObject }),
  };
}

/** Short, without what looks like a secret; `cut` says whether anything was left out. */
function summary(value: Json, depth: number, cut: { isWhole: boolean }): Json {
  const less = (text: string): string => {
    cut.isWhole = false;
    return text;
  };
  if (typeof value === 'string') {
    if (SECRET_TEXT.test(value)) return less('(masked)');
    return value.length <= MAX_TEXT ? value : less(`${value.slice(0, MAX_TEXT)}… (${value.length} characters)`);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return less('(not shown)');
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    const shown = items.slice(0, MAX_ITEMS).map((item) => summary(item, depth + 1, cut));
    return items.length <= MAX_ITEMS ? shown : [...shown, less(`(${items.length - MAX_ITEMS} more)`)];
  }
  const members = Object.entries(value as JsonObject);
  const shown = members.slice(0, MAX_ITEMS).map(([name, member]) => {
    const text = name.length <= MAX_TEXT ? name : less(name.slice(0, MAX_TEXT));
    return [text, SECRET_NAME.test(name) ? less('(masked)') : summary(member, depth + 1, cut)] as const;
  });
  if (members.length > MAX_ITEMS) less('');
  return Object.fromEntries(shown);
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM: nonce, tag and text in base64. */
function seal(text: string, key: Uint8Array): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const hidden = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString('base64');
}

function unseal(sealed: string, key: Uint8Array): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  const tagAt = NONCE_BYTES + TAG_BYTES;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, tagAt));
    return Buffer.concat([decipher.update(bytes.subarray(tagAt)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
