import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withTrustSession } from '@portcullis/pdp';
import { BUNDLE_PATH, MAX_POINTER_BYTES, parseReleasePointer, RELEASE_PATH } from '@portcullis/policy/trust';
import type { ChannelReader } from '@portcullis/runtime/channel';
import { must } from './signed-repository.js';
import { CHANNEL, ENV } from './stack.js';

/** Reads all of a repository as a client that knows nothing but the pinned root; what it finds belongs together or it throws. */
export async function readCold(source: ChannelReader, pinnedRoot: Uint8Array): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-cold-'));
  try {
    const options = {
      metadataDir: join(folder, 'metadata'),
      scratchDir: join(folder, 'scratch'),
      rootsDir: join(folder, 'roots'),
      pinnedRoot,
      source,
    };
    return await withTrustSession(options, undefined, AbortSignal.timeout(5_000), async (session) => {
      const bytes = await session.read(RELEASE_PATH(ENV, CHANNEL), { maxBytes: MAX_POINTER_BYTES });
      if (bytes === undefined) return 0;
      const { seq, stable } = must(parseReleasePointer(bytes));
      const bundle = await session.read(BUNDLE_PATH(stable.sha256), { maxBytes: 1_000_000 });
      if (bundle === undefined) throw new Error(`release ${seq} has no bundle`);
      return seq;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the whole repository, again and again, and remembers what did not fit together. */
export function readColdForEver(
  source: ChannelReader,
  pinnedRoot: Uint8Array,
): { readonly mixed: readonly string[]; readonly whole: () => number; stop(): Promise<void> } {
  const mixed: string[] = [];
  let whole = 0;
  let isOpen = true;
  const running = (async () => {
    while (isOpen) {
      try {
        await readCold(source, pinnedRoot);
        whole += 1;
      } catch (error: unknown) {
        // Nobody there is no news while the distributor is dead; everything else is.
        const reason: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'reason') : undefined;
        if (reason !== 'unavailable') mixed.push(String(error));
      }
      await delay(5);
    }
  })();
  return {
    mixed,
    whole: () => whole,
    async stop() {
      isOpen = false;
      await running;
    },
  };
}
