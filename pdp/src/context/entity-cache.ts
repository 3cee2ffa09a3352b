/** Remembers answers about entities for a time, bounded; many questions about one entity at once are one question. */

/** See the file's comment. */
export interface EntityCache<T> {
  /**
   * What is remembered of `key`, or what `load` says. Never older than the time to live, counted from when it was asked
   * for. A failure is not remembered.
   */
  get(key: string, load: (key: string) => Promise<T>): T | Promise<T>;
  /** Forgets everything; what is under way is not remembered when it arrives. */
  clear(): void;
}

/** What it is made of. */
export interface EntityCacheOptions<T> {
  readonly ttlMs: number;
  /** How long one answer may be used, when that is shorter. */
  readonly lifetimeMs?: (value: T) => number;
  /** The oldest makes room. */
  readonly maxEntries: number;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
}

/** An empty cache. */
export function createEntityCache<T>({
  ttlMs,
  lifetimeMs = () => ttlMs,
  maxEntries,
  monotonic,
}: EntityCacheOptions<T>): EntityCache<T> {
  const entries = new Map<string, { readonly value: T; readonly goodUntil: number }>();
  let underWay = new Map<string, Promise<T>>();

  const ask = async (key: string, load: (key: string) => Promise<T>, mine: typeof underWay): Promise<T> => {
    const askedAt = monotonic();
    try {
      const value = await load(key);
      const lifetime = Math.min(ttlMs, lifetimeMs(value));
      if (mine !== underWay) return value;
      entries.delete(key);
      if (lifetime <= 0) return value;
      for (const oldest of entries.keys()) {
        if (entries.size < maxEntries) break;
        entries.delete(oldest);
      }
      entries.set(key, { value, goodUntil: askedAt + lifetime });
      return value;
    } finally {
      mine.delete(key);
    }
  };

  return {
    get: (key, load) => {
      const known = entries.get(key);
      if (known !== undefined && monotonic() < known.goodUntil) return known.value;
      const asked = underWay.get(key);
      if (asked !== undefined) return asked;
      // Begun in a turn of its own, so that it is listed before it can end.
      const mine = underWay;
      const answer = Promise.resolve().then(() => ask(key, load, mine));
      mine.set(key, answer);
      return answer;
    },
    clear: () => {
      entries.clear();
      underWay = new Map();
    },
  };
}
