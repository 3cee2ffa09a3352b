/** What a session was told of a server's tools, and when. */

import type { Definition } from './definition.js';

/** The definitions that a server gave in one session. */
export interface SeenTools {
  /**
   * The definition that was given last, if that was at most `maxAgeMs` ago.
   * @param now {@link Clock.monotonic} milliseconds
   */
  get(name: string, now: number, maxAgeMs: number): Definition | undefined;
  /** False: there are too many of other names. */
  set(definition: Definition, now: number, most: number): boolean;
  /** The server said that its tools have changed. */
  clear(): void;
  /** Fetches the list unless that is under way already, and resolves when it has ended, however. */
  once(fetch: () => Promise<void>): Promise<void>;
}

/** Makes an empty memory. */
export function createSeenTools(): SeenTools {
  const tools = new Map<string, { readonly definition: Definition; readonly at: number }>();
  let fetching: Promise<void> | undefined;
  return {
    get(name, now, maxAgeMs) {
      const seen = tools.get(name);
      return seen === undefined || now - seen.at > maxAgeMs ? undefined : seen.definition;
    },
    set(definition, now, most) {
      if (tools.size >= most && !tools.has(definition.name)) return false;
      tools.set(definition.name, { definition, at: now });
      return true;
    },
    clear() {
      tools.clear();
    },
    once(fetch) {
      fetching ??= fetch().finally(() => {
        fetching = undefined;
      });
      return fetching;
    },
  };
}
