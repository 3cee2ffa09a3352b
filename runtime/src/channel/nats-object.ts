import { PortcullisError } from '../errors/portcullis-error.js';
import { parseStrictJson } from '../json/parse.js';

/** What the NATS object store (ADR-20) records about one object, as far as reading it needs. */
export interface StoredObject {
  /** Part of the subject of its chunks. */
  readonly nuid: string;
  readonly size: number;
  readonly chunks: number;
  /** `SHA-256=` and padded base64url. */
  readonly digest: string;
}

function corrupt(message: string): PortcullisError {
  return new PortcullisError('ERR_CHANNEL_OBJECT', 'corrupt', message);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/**
 * Reads an object's record; `undefined` for one that was deleted.
 * @throws PortcullisError kind `corrupt` when the record is not one, or is a link: links may point anywhere.
 */
export function parseStoredObject(bytes: Uint8Array): StoredObject | undefined {
  const parsed = parseStrictJson(bytes, { maxBytes: 64 * 1024 });
  const record: unknown = parsed.ok ? parsed.value : undefined;
  if (typeof record !== 'object' || record === null) throw corrupt('object record is not readable');
  if (Reflect.get(record, 'deleted') === true) return undefined;
  const options: unknown = Reflect.get(record, 'options');
  if (typeof options === 'object' && options !== null && Reflect.get(options, 'link') !== undefined) {
    throw corrupt('object is a link');
  }
  const nuid: unknown = Reflect.get(record, 'nuid');
  const size: unknown = Reflect.get(record, 'size');
  const chunks: unknown = Reflect.get(record, 'chunks');
  const digest: unknown = Reflect.get(record, 'digest');
  if (typeof nuid !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(nuid) || typeof digest !== 'string') {
    throw corrupt('object record is not readable');
  }
  if (!isCount(size) || !isCount(chunks) || chunks > size) throw corrupt('object record has impossible sizes');
  return { nuid, size, chunks, digest };
}

/** Padded base64url of a name, as subjects of records carry it. */
export function encodeObjectName(name: string): string {
  return Buffer.from(name, 'utf8').toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** The digest in the form of a record. */
export function formatObjectDigest(sha256: Buffer): string {
  return `SHA-256=${sha256.toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`;
}
