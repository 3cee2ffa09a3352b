/** Notes how to close what was just opened; only needed until composing has succeeded. */
export type Opened = (close: () => unknown) => void;

/**
 * Runs a composition root that may fail half-way: then closes what it had opened, last first, and throws what it threw.
 * After a success nothing is closed; that is the drain's.
 */
export async function composing<T>(compose: (opened: Opened) => Promise<T>): Promise<T> {
  const closers: (() => unknown)[] = [];
  try {
    return await compose((close) => void closers.push(close));
  } catch (error) {
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch {
        // Why the start failed is what people have to hear.
      }
    }
    throw error;
  }
}
