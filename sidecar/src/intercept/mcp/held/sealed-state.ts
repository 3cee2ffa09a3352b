/**
 * What a client brings back with a held call that it makes again (`requestState`, MCP 2026-07-28, "Multi Round-Trip
 * Requests": servers treat it as the attacker's and check it). AES-256-GCM (NIST SP 800-38D) under a key that only
 * sidecars have: a client can neither read nor change it, nor use it for another agent, server or call.
 */

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { isObject } from '../message.js';

/** What is in it. */
export interface HeldState {
  readonly approval: string;
  /** Of the call that is held; see `call.ts`. */
  readonly call: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What the client had brought back for the server: handed on when the call is, and seen by nobody before. */
  readonly upstream: { readonly requestState?: string; readonly inputResponses?: JsonObject };
}

/** Whose call it is. */
export interface StateOwner {
  readonly tenant: string;
  readonly agent: string;
  readonly server: string;
}

/** Seals and opens. */
export interface StateSealer {
  /** Nothing when it would be larger than anybody should have to carry. */
  seal(state: HeldState, owner: StateOwner): string | undefined;
  /** Nothing unless it was sealed under this key, for this owner, and has not been changed. Says nothing about its time. */
  open(text: string, owner: StateOwner): HeldState | undefined;
}

/** Ours begin with it, and nothing that begins with it goes to a server. */
const PREFIX = 'portcullis.held.1.';
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_BYTES = 262_144;

/** Whether it claims to be one of ours. */
export function isHeldState(text: unknown): text is string {
  return typeof text === 'string' && text.startsWith(PREFIX);
}

/** @param secret at least 32 bytes */
export function createStateSealer(secret: Uint8Array): StateSealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'portcullis held state 1', 32));
  return {
    seal(state, owner) {
      const plain = Buffer.from(JSON.stringify(state));
      if (plain.length > MAX_BYTES) return undefined;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(boundTo(owner));
      const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      return PREFIX + sealed.toString('base64url');
    },
    open(text, owner) {
      if (!isHeldState(text) || text.length > MAX_BYTES * 2) return undefined;
      const encoded = text.slice(PREFIX.length);
      const sealed = Buffer.from(encoded, 'base64url');
      if (sealed.length <= NONCE_BYTES + TAG_BYTES || sealed.toString('base64url') !== encoded) return undefined;
      try {
        const end = sealed.length - TAG_BYTES;
        const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
          .setAAD(boundTo(owner))
          .setAuthTag(sealed.subarray(end));
        return read(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]));
      } catch {
        // Not ours, or not as it was: the cipher does not say which, and neither do we.
        return undefined;
      }
    },
  };
}

function boundTo({ tenant, agent, server }: StateOwner): Buffer {
  return Buffer.from(JSON.stringify([tenant, agent, server]));
}

function read(plain: Buffer): HeldState | undefined {
  const parsed = parseStrictJson(plain, { maxBytes: MAX_BYTES });
  if (!parsed.ok || !isObject(parsed.value)) return undefined;
  const { approval, call, expiresAt, upstream } = parsed.value;
  if (typeof approval !== 'string' || typeof call !== 'string' || typeof expiresAt !== 'number') return undefined;
  if (!isObject(upstream)) return undefined;
  const { requestState, inputResponses } = upstream;
  return {
    approval,
    call,
    expiresAt,
    upstream: {
      ...(typeof requestState === 'string' ? { requestState } : {}),
      ...(isObject(inputResponses) ? { inputResponses } : {}),
    },
  };
}
