/** The keys of a token issuer, from a file that is followed or a URL that is asked now and then. */

import { readFile } from 'node:fs/promises';
import { type Json, LOG_FIELD, type Logger, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';

/** Keys that may change while the process runs. */
export interface KeySet {
  readonly keys: JWTVerifyGetKey;
  /** Looks at the file now. Never throws: a file that does not pass keeps the keys that there are. */
  refresh(): Promise<void>;
  close(): void;
}

/** Where an issuer's keys are: one of the two. */
export interface KeySetPlace {
  readonly jwksFile?: string | undefined;
  readonly jwksUrl?: string | undefined;
}

/** What {@link openKeySet} may be told besides. */
export interface KeySetOptions {
  readonly log: Logger;
  /** Milliseconds between looks at the file; default 2000. */
  readonly pollMs?: number;
  /** Fetches from a URL before anybody needs the keys, and again in time: for those who cannot wait for an issuer. */
  readonly ahead?: boolean;
  /** Instead of the global `fetch`. */
  readonly fetch?: FetchImplementation;
}

const MAX_FILE_BYTES = 1024 * 1024;
const FETCH_TIMEOUT_MS = 2_000;
const POLL_MS = 2_000;
/** Half of the time for which fetched keys are used. */
const AHEAD_MS = 5 * 60_000;

/** Opens the set. @throws PortcullisError `ERR_HTTP_KEYS` when the file is not a key set. */
export async function openKeySet(jwt: KeySetPlace, options: KeySetOptions): Promise<KeySet> {
  if (jwt.jwksFile !== undefined) return followFile(jwt.jwksFile, options);
  if (jwt.jwksUrl === undefined) throw new PortcullisError('ERR_HTTP_KEYS', 'invalid', 'no key set is configured');
  const keys = createRemoteJWKSet(new URL(jwt.jwksUrl), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    ...(options.fetch === undefined ? {} : { [customFetch]: options.fetch }),
  });
  if (options.ahead !== true) return { keys, refresh: async () => undefined, close: () => undefined };
  const refresh = async (): Promise<void> => {
    try {
      await keys.reload();
    } catch (error) {
      options.log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Key set cannot be fetched');
    }
  };
  void refresh();
  const timer = setInterval(() => void refresh(), AHEAD_MS);
  timer.unref();
  return { keys, refresh, close: () => clearInterval(timer) };
}

async function followFile(file: string, { log, pollMs = POLL_MS }: KeySetOptions): Promise<KeySet> {
  let bytes = await readFile(file).catch((error: unknown) => {
    throw new PortcullisError('ERR_HTTP_KEYS', 'invalid', 'the key set cannot be read', { cause: error });
  });
  let keys = parseKeySet(bytes);
  let reported = '';
  const refresh = async (): Promise<void> => {
    try {
      const found = await readFile(file);
      if (found.equals(bytes)) return;
      keys = parseKeySet(found);
      bytes = found;
      reported = '';
      log.info({ [LOG_FIELD.file]: file }, 'Key set changed');
    } catch (error) {
      const { message } = PortcullisError.from(error);
      if (message === reported) return;
      reported = message;
      log.warn({ [LOG_FIELD.reason]: message, [LOG_FIELD.file]: file }, 'Key set not usable, keeping the current one');
    }
  };
  const timer = setInterval(() => void refresh(), pollMs);
  timer.unref();
  return { keys: (header, token) => keys(header, token), refresh, close: () => clearInterval(timer) };
}

function parseKeySet(bytes: Uint8Array): JWTVerifyGetKey {
  const json = parseStrictJson(bytes, { maxBytes: MAX_FILE_BYTES });
  if (!json.ok) throw new PortcullisError('ERR_HTTP_KEYS', 'invalid', `the key set is not strict JSON: ${json.reason}`);
  if (!hasKeys(json.value)) {
    throw new PortcullisError('ERR_HTTP_KEYS', 'invalid', 'the key set has no list of keys');
  }
  try {
    return createLocalJWKSet(json.value);
  } catch (error) {
    throw new PortcullisError('ERR_HTTP_KEYS', 'invalid', 'the key set is not one', { cause: error });
  }
}

function hasKeys(value: Json): value is Json & JSONWebKeySet {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value['keys']);
}
