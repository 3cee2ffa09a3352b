/**
 * Decisions by what they depend on. Which fields those are is known only after a decision was made, so requests are looked
 * up under each of the few distinct scopes that were met, the ones that serve most first. Bounded; there is no clock.
 */

import { type CacheScope, type KnownReadings, readScope } from './cache-scope.js';
import type { CanonicalRequest } from './request.js';

/** Caps. */
export interface KeptLimits {
  readonly maxEntries: number;
  /** Of keys and values together, as far as they are counted. */
  readonly maxBytes: number;
}

/** One that was kept. */
export interface KeptEntry<T> {
  readonly value: T;
  /** Milliseconds on the owner's clock. */
  readonly expiresAt: number;
}

/** Where an entry goes. */
export interface NewEntry<T> extends KeptEntry<T> {
  /** As `Decision.cache.scope` has it. */
  readonly scope: string;
  readonly request: CanonicalRequest;
  /** What the value counts for. */
  readonly bytes: number;
}

/** What is kept under one generation: its owner clears it when anything moves that an epoch stands for. */
export interface KeptDecisions<T> {
  /** One that is valid for this request at `now`, if there is one. */
  find(request: CanonicalRequest, now: number): KeptEntry<T> | undefined;
  /** Keeps one, in place of what had the same key. False when its scope cannot be read, or it is too large. */
  add(entry: NewEntry<T>): boolean;
  clear(): void;
  readonly entries: number;
  readonly bytes: number;
}

/** Distinct scopes at once: every one is tried for a request that none serves. */
export const MAX_SCOPES = 8;
/** Longer keys are not kept: making one would cost more than asking. */
export const MAX_KEY_LENGTH = 8_192;

interface Held<T> extends KeptEntry<T> {
  readonly size: number;
}

interface Shelf<T> {
  readonly scope: CacheScope;
  /** Oldest use first. */
  readonly held: Map<string, Held<T>>;
}

/** Starts empty. */
export function createKeptDecisions<T>(limits: KeptLimits): KeptDecisions<T> {
  /** The most useful first. */
  let shelves: Shelf<T>[] = [];
  let entries = 0;
  let bytes = 0;

  const forget = (shelf: Shelf<T>, key: string, { size }: Held<T>): void => {
    shelf.held.delete(key);
    entries -= 1;
    bytes -= size;
  };
  const drop = (index: number): void => {
    const [shelf] = shelves.splice(index, 1);
    for (const { size } of shelf?.held.values() ?? []) {
      entries -= 1;
      bytes -= size;
    }
  };
  /** The least recently used of the least useful scope that has one besides `added`. */
  const makeRoom = (added: Held<T>): void => {
    while (entries > limits.maxEntries || bytes > limits.maxBytes) {
      const shelf = shelves.findLast(({ held }) => held.size > 0 && !(held.size === 1 && first(held) === added));
      const [oldest] = shelf?.held ?? [];
      if (shelf === undefined || oldest === undefined) return;
      forget(shelf, ...oldest);
    }
  };
  const shelfOf = (text: string): Shelf<T> | undefined => {
    const known = shelves.find(({ scope }) => scope.text === text);
    if (known !== undefined) return known;
    const scope = readScope(text);
    if (scope === undefined) return undefined;
    if (shelves.length === MAX_SCOPES) drop(shelves.length - 1);
    const shelf: Shelf<T> = { scope, held: new Map() };
    shelves.push(shelf);
    return shelf;
  };

  return {
    find(request, now) {
      const known: KnownReadings | undefined = shelves.length > 1 ? new Map() : undefined;
      for (const [index, shelf] of shelves.entries()) {
        const key = shelf.scope.keyOf(request, known);
        const found = shelf.held.get(key);
        if (found === undefined) continue;
        if (found.expiresAt <= now) {
          forget(shelf, key, found);
          continue;
        }
        // A map keeps the order of insertion.
        shelf.held.delete(key);
        shelf.held.set(key, found);
        const ahead = shelves[index - 1];
        if (ahead !== undefined) shelves.splice(index - 1, 2, shelf, ahead);
        return found;
      }
      return undefined;
    },
    add({ scope, request, value, bytes: valueBytes, expiresAt }) {
      const shelf = shelfOf(scope);
      if (shelf === undefined) return false;
      const key = shelf.scope.keyOf(request);
      const size = 2 * key.length + valueBytes;
      if (key.length > MAX_KEY_LENGTH || size > limits.maxBytes) return false;
      const before = shelf.held.get(key);
      if (before !== undefined) forget(shelf, key, before);
      const added = { value, expiresAt, size };
      shelf.held.set(key, added);
      entries += 1;
      bytes += size;
      makeRoom(added);
      return true;
    },
    clear() {
      shelves = [];
      entries = 0;
      bytes = 0;
    },
    get entries() {
      return entries;
    },
    get bytes() {
      return bytes;
    },
  };
}

function first<T>(held: ReadonlyMap<string, Held<T>>): Held<T> | undefined {
  const [value] = held.values();
  return value;
}
