#!/usr/bin/env node
/**
 * The client under test of tuf-conformance (its CLIENT-CLI.md), over plain HTTP. Only reading URLs is its own: what it
 * verifies with is what the PDP verifies with.
 */

import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ObjectSource, type TrustSession, withTrustSession } from '@portcullis/pdp';
import { PortcullisError } from '@portcullis/runtime';

const MAX_TARGET_BYTES = 1024 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const ABSENT = new Set([403, 404]);

interface Flags {
  readonly 'metadata-dir'?: string | undefined;
  readonly 'metadata-url'?: string | undefined;
  readonly 'target-dir'?: string | undefined;
  readonly 'target-base-url'?: string | undefined;
  readonly 'target-name'?: string[] | undefined;
}

function required(flags: Flags, name: Exclude<keyof Flags, 'target-name'>): string {
  const value = flags[name];
  if (value === undefined) throw new Error(`--${name} is required`);
  return value;
}

/** Keys of the channel as URLs. A role's name is one path segment, whatever it contains; a target's path is a path. */
function urlOf(key: string, flags: Flags): string {
  const [, folder, rest = ''] = /^([^/]*)\/(.*)$/s.exec(key) ?? [];
  if (folder === 'metadata') return `${required(flags, 'metadata-url').replace(/\/$/, '')}/${encodeURIComponent(rest)}`;
  const path = rest.split('/').map(encodeURIComponent).join('/');
  return `${required(flags, 'target-base-url').replace(/\/$/, '')}/${path}`;
}

function httpSource(flags: Flags): ObjectSource {
  return {
    get: async (key, { maxBytes, signal }) => {
      const response = await fetch(urlOf(key, flags), { signal });
      if (ABSENT.has(response.status)) {
        await response.body?.cancel();
        return undefined;
      }
      if (!response.ok || response.body === null) {
        throw new PortcullisError('ERR_TUF_HTTP', 'unavailable', `the repository answered ${response.status}`);
      }
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        length += chunk.byteLength;
        if (length > maxBytes)
          throw new PortcullisError('ERR_TUF_OVERSIZE', 'corrupt', 'the object is larger than allowed');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks, length);
    },
  };
}

async function inSession(flags: Flags, body: (session: TrustSession) => Promise<void>): Promise<void> {
  const metadataDir = required(flags, 'metadata-dir');
  const scratchDir = await mkdtemp(join(tmpdir(), 'portcullis-tuf-'));
  try {
    const pinnedRoot = await readFile(join(metadataDir, 'root.json'));
    const options = {
      metadataDir,
      rootsDir: join(scratchDir, 'roots'),
      scratchDir,
      pinnedRoot,
      source: httpSource(flags),
    };
    await withTrustSession(options, undefined, AbortSignal.timeout(REQUEST_TIMEOUT_MS), body);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

async function download(flags: Flags): Promise<void> {
  const targetDir = required(flags, 'target-dir');
  await mkdir(targetDir, { recursive: true });
  await inSession(flags, async (session) => {
    for (const name of flags['target-name'] ?? []) {
      const file = join(targetDir, encodeURIComponent(name));
      const bytes = await session.read(name, { maxBytes: MAX_TARGET_BYTES, file });
      if (bytes === undefined) throw new Error(`no trusted role lists ${name}`);
    }
  });
}

async function run(argv: readonly string[]): Promise<void> {
  const { values: flags, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'metadata-dir': { type: 'string' },
      'metadata-url': { type: 'string' },
      'target-dir': { type: 'string' },
      'target-base-url': { type: 'string' },
      'target-name': { type: 'string', multiple: true },
    },
  });
  const [command, trustedRoot] = positionals;
  switch (command) {
    case 'init': {
      if (trustedRoot === undefined) throw new Error('init needs the trusted root');
      const metadataDir = required(flags, 'metadata-dir');
      await mkdir(metadataDir, { recursive: true });
      return copyFile(trustedRoot, join(metadataDir, 'root.json'));
    }
    case 'refresh':
      return inSession(flags, async () => undefined);
    case 'download':
      return download(flags);
    default:
      throw new Error(`unknown command ${command ?? '(none)'}; expected init, refresh or download`);
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
