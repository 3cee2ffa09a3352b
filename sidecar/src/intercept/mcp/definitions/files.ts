/**
 * The two files of definitions. Each has one writer: the sidecar writes what it saw, people write what they accepted, so
 * neither can undo what the other did, and an agent that reaches the sidecar's ports can write neither.
 */

import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JsonObject } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { z } from 'zod';
import { acceptedFile } from './config.js';

const MAX_FILE_BYTES = 268_435_456;

const quarantinedShape = z.strictObject({
  digest: z.string(),
  reason: z.string(),
  at: z.string(),
  tool: z.record(z.string(), z.json()),
});
const stateShape = z.strictObject({
  version: z.literal(1),
  tools: z.array(
    z.strictObject({
      server: z.string(),
      name: z.string(),
      digest: z.string(),
      seen: z.string(),
      quarantined: quarantinedShape.optional(),
    }),
  ),
});

/** A tool that was seen. */
export interface LedgerEntry {
  readonly server: string;
  readonly name: string;
  /** Of the definition that was seen first. */
  readonly digest: string;
  /** ISO 8601. */
  readonly seen: string;
  /** What the server had at last, if that is quarantined. */
  readonly quarantined?:
    | { readonly digest: string; readonly reason: string; readonly at: string; readonly tool: JsonObject }
    | undefined;
}

/** What is remembered from one start to the next. */
export interface LedgerState {
  /** In the order in which they were first seen. */
  readonly entries: readonly LedgerEntry[];
  /** @throws PortcullisError `ERR_TOOL_STATE` when they cannot be kept */
  save(entries: readonly LedgerEntry[]): Promise<void>;
}

/** What people accepted. */
export interface Accepted {
  /** By the key of server and name. */
  digestsOf(key: string): readonly string[];
  /** Reads the file again if it has changed; what cannot be read changes nothing, and is logged. Never rejects. */
  refresh(): Promise<void>;
}

/**
 * Opens the file of what was seen; a missing one is empty. Without a path nothing is kept.
 * @throws PortcullisError `ERR_TOOL_STATE` when it is there and cannot be used: what was trusted must not be forgotten
 */
export async function openLedgerState(path: string | undefined): Promise<LedgerState> {
  if (path === undefined) return { entries: [], save: async () => undefined };
  const unusable = (cause: unknown): PortcullisError =>
    new PortcullisError('ERR_TOOL_STATE', 'invalid', 'the file of tool definitions that were seen cannot be used', {
      details: { path },
      cause,
    });
  const bytes = await readIfThere(path).catch((thrown: unknown) => {
    throw unusable(thrown);
  });
  const read = bytes === undefined ? { version: 1, tools: [] } : jsonOf(bytes);
  const parsed = stateShape.safeParse(read);
  if (!parsed.success) throw unusable(parsed.error);
  let last: Promise<void> = Promise.resolve();
  return {
    entries: parsed.data.tools,
    save(entries) {
      const text = `${JSON.stringify({ version: 1, tools: entries }, null, 1)}\n`;
      // One after the other: the last to begin is the last to be there.
      const saved = last
        .catch(() => undefined)
        .then(() => replace(path, text))
        .catch((thrown: unknown) => {
          throw unusable(thrown);
        });
      last = saved;
      return saved;
    },
  };
}

/**
 * Opens the file of what was accepted; a missing one is empty.
 * @throws PortcullisError `ERR_TOOL_ACCEPTED` when it is there and cannot be used
 */
export async function openAccepted(path: string | undefined, keyOf: KeyOf, log: Logger): Promise<Accepted> {
  if (path === undefined) return { digestsOf: () => [], refresh: async () => undefined };
  let stamp = await stampOf(path);
  let digests = await readAccepted(path, keyOf);
  return {
    digestsOf: (key) => digests.get(key) ?? [],
    async refresh() {
      try {
        const now = await stampOf(path);
        if (now === stamp) return;
        digests = await readAccepted(path, keyOf);
        stamp = now;
      } catch (thrown) {
        log.error({ [LOG_FIELD.error]: thrown }, 'Accepted tool definitions could not be read again');
      }
    },
  };
}

type KeyOf = (server: string, name: string) => string;

async function readAccepted(path: string, keyOf: KeyOf): Promise<ReadonlyMap<string, readonly string[]>> {
  const unusable = (cause: unknown): PortcullisError =>
    new PortcullisError('ERR_TOOL_ACCEPTED', 'invalid', 'the file of accepted tool definitions cannot be used', {
      details: { path },
      cause,
    });
  const bytes = await readIfThere(path).catch((thrown: unknown) => {
    throw unusable(thrown);
  });
  const parsed = acceptedFile.safeParse(bytes === undefined ? { version: 1, accepted: [] } : jsonOf(bytes));
  if (!parsed.success) throw unusable(parsed.error);
  const digests = new Map<string, string[]>();
  for (const { server, name, digest } of parsed.data.accepted) {
    const key = keyOf(server, name);
    digests.set(key, [...(digests.get(key) ?? []), digest]);
  }
  return digests;
}

async function stampOf(path: string): Promise<string> {
  // A mounted file is replaced by another, so its inode says as much as its time.
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? 'absent' : `${found.ino} ${found.mtimeNs} ${found.size}`;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((thrown: unknown) => {
    if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
}

function jsonOf(bytes: Buffer): unknown {
  const parsed = parseStrictJson(bytes, { maxBytes: MAX_FILE_BYTES });
  return parsed.ok ? parsed.value : undefined;
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.unfinished-${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
