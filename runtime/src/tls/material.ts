import { createHash, createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { type Clock, systemClock } from '../clock.js';
import { PortcullisError } from '../errors/portcullis-error.js';
import { LOG_FIELD } from '../log/fields.js';
import type { Logger } from '../log/logger.js';
import { isCurrentlyValid, spiffeIdOf } from './identity.js';
import { parseCertificates } from './pem.js';

/** Where the PEM files are. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** One consistent set: the key belongs to the certificate and there is somebody to trust. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  /** End of the leaf's validity. */
  readonly notAfter: Date;
  /** Our own identity, when the leaf carries one. */
  readonly spiffeId: string | undefined;
}

/** Key material that follows its files. */
export interface TlsMaterial {
  /** The newest set that passed every check. */
  current(): TlsPair;
  /** Calls back after each change, until the returned function is called. */
  onChange(callback: (pair: TlsPair) => void): () => void;
  /**
   * Looks at the files now instead of at the next poll. Never throws: what does not pass keeps the current set.
   * @returns whether there is a new set.
   */
  refresh(): Promise<boolean>;
  close(): void;
}

/** Options of {@link openTlsMaterial}. */
export interface TlsMaterialOptions {
  /** Milliseconds between looks at the files; default 2000. */
  readonly pollMs?: number;
  readonly log: Logger;
  readonly clock?: Clock;
}

interface Bytes {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** @throws Error that names the setting and the file, in words for an operator */
async function readable<T>(files: TlsFiles, setting: keyof TlsFiles, read: (file: string) => Promise<T>): Promise<T> {
  try {
    return await read(files[setting]);
  } catch (cause: unknown) {
    const why = typeof cause === 'object' && cause !== null && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new Error(`${setting} ${files[setting]} cannot be read${why}: expected a PEM file`, { cause });
  }
}

async function readBytes(files: TlsFiles): Promise<Bytes> {
  const [cert, key, ca] = await Promise.all([
    readable(files, 'certFile', (file) => readFile(file)),
    readable(files, 'keyFile', (file) => readFile(file)),
    readable(files, 'caFile', (file) => readFile(file)),
  ]);
  return { cert, key, ca };
}

/** Changes whenever a file is written, replaced, or its symbolic link is swapped. */
async function fingerprintOf(files: TlsFiles): Promise<string> {
  const stats = await Promise.all(
    (['certFile', 'keyFile', 'caFile'] as const).map((setting) =>
      readable(files, setting, (file) => stat(file, { bigint: true })),
    ),
  );
  return stats.map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':')).join('|');
}

function digestOf({ cert, key, ca }: Bytes): string {
  const hash = createHash('sha256');
  for (const part of [cert, key, ca]) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

function validate(bytes: Bytes, { certFile, keyFile, caFile }: TlsFiles, now: number): TlsPair {
  const leaf = parseCertificates(bytes.cert)[0];
  if (leaf === undefined) throw new Error(`certFile ${certFile} has no certificate`);
  if (!leaf.checkPrivateKey(createPrivateKey(bytes.key)))
    throw new Error(`the private key of keyFile ${keyFile} does not belong to the certificate of certFile ${certFile}`);
  if (!isCurrentlyValid(leaf, now))
    throw new Error(`the certificate of certFile ${certFile} is expired or not yet valid`);
  const authorities = parseCertificates(bytes.ca);
  // An empty list must never reach TLS: Node would trust the public roots instead.
  if (authorities.length === 0) throw new Error(`caFile ${caFile} has no certificate`);
  if (!authorities.every((authority: X509Certificate) => authority.ca))
    throw new Error(`caFile ${caFile} has a certificate that is no authority`);
  createSecureContext(bytes);
  return { ...bytes, notAfter: new Date(leaf.validTo), spiffeId: spiffeIdOf(leaf) };
}

/**
 * Loads key material and follows its files by polling, so that symbolic link swaps and network file systems work. A
 * set is taken only as a whole and only when it passes every check; a torn or bad one is logged once and the current
 * set stays.
 * @throws PortcullisError `ERR_TLS_MATERIAL` when the first load does not pass.
 */
export async function openTlsMaterial(files: TlsFiles, options: TlsMaterialOptions): Promise<TlsMaterial> {
  const { log, pollMs = 2_000, clock = systemClock } = options;
  const listeners = new Set<(pair: TlsPair) => void>();
  let fingerprint = '';
  let digest = '';
  let reported = '';
  let pair: TlsPair;

  try {
    fingerprint = await fingerprintOf(files);
    const bytes = await readBytes(files);
    digest = digestOf(bytes);
    pair = validate(bytes, files, clock.now());
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw new PortcullisError('ERR_TLS_MATERIAL', 'invalid', `tls material is not usable: ${reason}`, {
      cause: error,
      details: { ...files },
    });
  }

  const look = async (): Promise<boolean> => {
    const print = await fingerprintOf(files);
    if (print === fingerprint) return false;
    const bytes = await readBytes(files);
    const found = digestOf(bytes);
    if (found !== digest) {
      const next = validate(bytes, files, clock.now());
      pair = next;
      digest = found;
      fingerprint = print;
      reported = '';
      log.info({ notAfter: next.notAfter.toISOString(), [LOG_FIELD.file]: files.certFile }, 'TLS material changed');
      for (const listener of listeners) listener(next);
      return true;
    }
    fingerprint = print;
    return false;
  };

  const refresh = async (): Promise<boolean> => {
    try {
      return await look();
    } catch (error: unknown) {
      const reason = error instanceof Error ? error.message : 'unknown reason';
      if (reason !== reported) {
        reported = reason;
        log.warn(
          { [LOG_FIELD.reason]: reason, [LOG_FIELD.file]: files.certFile },
          'TLS material not usable, keeping the current one',
        );
      }
      return false;
    }
  };

  const timer = setInterval(() => void refresh(), pollMs);
  timer.unref();
  return {
    current: () => pair,
    onChange(callback) {
      listeners.add(callback);
      return () => void listeners.delete(callback);
    },
    refresh,
    close() {
      clearInterval(timer);
      listeners.clear();
    },
  };
}
