/**
 * What placeholders stand for: in memory only, bounded, forgotten after a time, and never logged. One book per session and server,
 * because a server that guesses a placeholder must not learn what another was told.
 */

import { labelOf, tokenOf } from '@portcullis/policy/content';
import type { Clock } from '@portcullis/runtime';

/** The placeholders of one session with one server. */
export interface TokenBook {
  /**
   * The placeholder of a value: the same for the same value. When the book is full, one that stands for nothing.
   * @param isTheirs whether the agent itself sent the value: only then it gets it back
   */
  tokenOf(value: string, type: string, isTheirs: boolean): string;
  /** The value that a placeholder stands for, if the agent had sent it. */
  original(token: string): string | undefined;
  /** Whether anything can be turned back. */
  readonly isEmpty: boolean;
}

/** All books. */
export interface TokenVault {
  /** The book of a session and a server; made when there is none. Using it keeps it. */
  book(session: string, server: string): TokenBook;
}

/** Bounds of a vault. */
export interface VaultLimits {
  readonly tokenTtlMs: number;
  readonly maxTokens: number;
  readonly maxSessions: number;
}

interface Kept {
  readonly book: TokenBook;
  usedAt: number;
}

/** Makes an empty vault. */
export function createTokenVault(limits: VaultLimits, clock: Pick<Clock, 'monotonic'>): TokenVault {
  // In the order of their last use.
  const books = new Map<string, Kept>();

  function forget(now: number): void {
    for (const [key, { usedAt }] of books) {
      if (now - usedAt <= limits.tokenTtlMs && books.size <= limits.maxSessions) return;
      books.delete(key);
    }
  }

  return {
    book(session, server) {
      const now = clock.monotonic();
      forget(now);
      const key = JSON.stringify([session, server]);
      const kept = books.get(key) ?? { book: createBook(limits.maxTokens), usedAt: now };
      kept.usedAt = now;
      books.delete(key);
      books.set(key, kept);
      forget(now);
      return kept.book;
    },
  };
}

function createBook(maxTokens: number): TokenBook {
  const byValue = new Map<string, string>();
  const theirs = new Map<string, string>();
  const serials = new Map<string, number>();
  return {
    tokenOf(value, type, isTheirs) {
      const label = labelOf(type);
      const key = JSON.stringify([label, value]);
      let token = byValue.get(key);
      if (token === undefined) {
        if (byValue.size >= maxTokens) return `[${label}]`;
        const serial = (serials.get(label) ?? 0) + 1;
        serials.set(label, serial);
        token = tokenOf(type, serial);
        byValue.set(key, token);
      }
      if (isTheirs) theirs.set(token, value);
      return token;
    },
    original: (token) => theirs.get(token),
    get isEmpty() {
      return theirs.size === 0;
    },
  };
}
