/**
 * A user's token on its way from the agent to the PDP. It travels with the request that it belongs to, outside of everything
 * that is digested, logged, recorded or compared: a symbol is copied with an object and is in no text made of it (ADR-0038).
 */

import { inspect } from 'node:util';
import type { CanonicalRequest } from '@portcullis/policy/model';

const TOKEN: unique symbol = Symbol('user token');
const HIDDEN = '[user token]';

/** Three parts of base64url (RFC 7519, 7515): whatever else it is, the PDP says. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** A token that prints as nothing. */
export class UserToken {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** The token; nothing when it has not the shape of one, or is longer than `maxBytes`. */
  static read(text: string, maxBytes: number): UserToken | undefined {
    return text.length <= maxBytes && JWT.test(text) ? new UserToken(text) : undefined;
  }

  /** For the question to the PDP, and for digests that tell users apart; for nothing else. */
  get secret(): string {
    return this.#text;
  }

  equals(other: UserToken): boolean {
    return this.#text === other.#text;
  }

  toJSON(): string {
    return HIDDEN;
  }

  toString(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** The same request, of this user. */
export function ofUser(request: CanonicalRequest, token: UserToken): CanonicalRequest {
  const carrying: CanonicalRequest & { readonly [TOKEN]: UserToken } = { ...request, [TOKEN]: token };
  return carrying;
}

/** The token that a request came with. */
export function userTokenOf(request: CanonicalRequest & { readonly [TOKEN]?: UserToken }): UserToken | undefined {
  return request[TOKEN];
}
