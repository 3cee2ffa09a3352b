import { watch } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '@portcullis/runtime';

/** Editors write a file in several steps; one run answers all of them. */
const QUIET_MS = 150;

/** How a folder is watched. */
export interface WatchOptions {
  /** Ends the watch; whoever stops it by that is not told of an error. */
  readonly signal: AbortSignal;
  /** How long nothing must have changed before a run; 150 ms when absent. */
  readonly quietMs?: number;
  /** A file whose changes do not count: what the runs themselves write. */
  readonly ignore?: string;
}

/**
 * Runs once, and again whenever something below a folder has changed. Changes during a run lead to another one.
 * @throws PortcullisError `ERR_CLI_SOURCE` when the folder cannot be watched; and what `run` throws
 */
export async function watchFolder(directory: string, run: () => Promise<void>, options: WatchOptions): Promise<void> {
  const { signal, quietMs = QUIET_MS, ignore } = options;
  const changes = createChanges();
  const stop = new AbortController();
  // Watched before the first run, so that what changes during it is not missed.
  const note = (name: string | null): void => {
    if (name === null || counts(directory, name, ignore)) changes.note();
  };
  const watching = follow(directory, note, AbortSignal.any([signal, stop.signal]));
  // A watcher that fails must end the wait for changes.
  const watcher = watching.finally(changes.note);
  watcher.catch(() => undefined);
  try {
    while (!signal.aborted) {
      changes.forget();
      await run();
      await changes.next(signal);
      if (signal.aborted) break;
      for (let before = -1; before !== changes.count(); ) {
        before = changes.count();
        await delay(quietMs, undefined, { signal }).catch(() => undefined);
      }
      await Promise.race([watcher, Promise.resolve()]);
    }
  } finally {
    stop.abort();
    await watcher;
  }
}

/** Names that begin with a dot are no part of the source; editors and writers use them for drafts. */
function counts(directory: string, name: string, ignore: string | undefined): boolean {
  if (name.split(sep).some((segment) => segment.startsWith('.'))) return false;
  if (ignore === undefined) return true;
  const [changed, ignored] = [resolve(directory, name), resolve(ignore)];
  // A file that is replaced in one step is written beside its place first, under a longer name.
  return changed !== ignored && !changed.startsWith(`${ignored}.`);
}

async function follow(directory: string, onChange: (name: string | null) => void, signal: AbortSignal): Promise<void> {
  try {
    for await (const { filename } of watch(directory, { recursive: true, signal })) onChange(filename);
  } catch (error) {
    if (signal.aborted) return;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', `${directory} cannot be watched`, { cause: error });
  }
}

interface Changes {
  note(): void;
  count(): number;
  forget(): void;
  /** Resolves when something has been noted since {@link forget}, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
}

function createChanges(): Changes {
  let count = 0;
  let wake: (() => void) | undefined;
  return {
    note() {
      count += 1;
      wake?.();
    },
    count: () => count,
    forget() {
      count = 0;
    },
    next(signal) {
      return new Promise((resolve) => {
        const end = (): void => {
          wake = undefined;
          signal.removeEventListener('abort', end);
          resolve();
        };
        wake = end;
        signal.addEventListener('abort', end);
        if (count > 0 || signal.aborted) end();
      });
    },
  };
}
