/** Signed notes (c2sp.org/signed-note) with Ed25519 keys, so that anybody's tools can check a checkpoint. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Who can sign notes. */
export interface NoteSigner {
  readonly name: string;
  /** The public half as `<name>+<key id>+<key>`. */
  readonly verifierKey: string;
  /** The note: the text, an empty line and a signature line. */
  sign(text: string): string;
}

/** Who can check them. */
export interface NoteVerifier {
  readonly name: string;
  /** The 32 bytes of the key. */
  readonly publicKey: Uint8Array;
  /** The signed text, when one of the signatures is this key's and right; `undefined` otherwise. */
  open(note: string): string | undefined;
}

const ED25519 = 0x01;
const ED25519_KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
/** DER of a SubjectPublicKeyInfo for Ed25519, before the 32 bytes of the key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/;

/** The 32 bytes of the public half of an Ed25519 private key. @throws TypeError when it is another kind of key. */
export function publicKeyBytes(privateKeyPem: string): Uint8Array {
  return rawPublicKey(createPrivateKey(privateKeyPem));
}

/**
 * A signer under a name (not empty, no spaces, no plus).
 * @throws TypeError when the PEM is no Ed25519 private key, or the name is none.
 */
export function openNoteSigner(name: string, privateKeyPem: string): NoteSigner {
  const key = createPrivateKey(privateKeyPem);
  return noteSigner(name, rawPublicKey(key), (bytes) => sign(null, bytes, key));
}

/**
 * A signer from somebody who can make Ed25519 signatures, such as a key of another system.
 * @throws TypeError when the name is none (not empty, no spaces, no plus) or the public key has not 32 bytes.
 */
export function noteSigner(
  name: string,
  publicKey: Uint8Array,
  signBytes: (bytes: Uint8Array) => Uint8Array,
): NoteSigner {
  const verifierKey = noteVerifierKey(name, publicKey);
  const id = keyId(name, typedKey(publicKey));
  return {
    name,
    verifierKey,
    sign: (text) => {
      if (!isNoteText(text)) throw new TypeError('a note is lines without control characters, and ends in a new line');
      const blob = Buffer.concat([id, signBytes(Buffer.from(text))]);
      return `${text}\n\u2014 ${name} ${blob.toString('base64')}\n`;
    },
  };
}

/**
 * The key of {@link openNoteVerifier} for an Ed25519 public key of 32 bytes.
 * @throws TypeError when the name is none or the key has another length.
 */
export function noteVerifierKey(name: string, publicKey: Uint8Array): string {
  if (!isKeyName(name)) throw new TypeError(`not a key name: ${name}`);
  if (publicKey.length !== ED25519_KEY_BYTES) throw new TypeError('an Ed25519 public key has 32 bytes');
  const typed = typedKey(publicKey);
  return `${name}+${keyId(name, typed).toString('hex')}+${typed.toString('base64')}`;
}

/** A verifier from its key, `<name>+<key id>+<key>`; `undefined` when it is not one for Ed25519 or its key id is wrong. */
export function openNoteVerifier(verifierKey: string): NoteVerifier | undefined {
  const [, name, idHex, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(verifierKey.trim()) ?? [];
  if (name === undefined || idHex === undefined || encoded === undefined) return undefined;
  const typed = Buffer.from(encoded, 'base64');
  if (typed.length !== 1 + ED25519_KEY_BYTES || typed[0] !== ED25519) return undefined;
  const id = keyId(name, typed);
  if (id.toString('hex') !== idHex) return undefined;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]), format: 'der', type: 'spki' });
  return {
    name,
    publicKey: new Uint8Array(typed.subarray(1)),
    open: (note) => {
      // The text may hold empty lines; the signatures come after the last one.
      const split = note.lastIndexOf('\n\n');
      if (split < 0 || !note.endsWith('\n')) return undefined;
      const text = note.slice(0, split + 1);
      if (!isNoteText(text)) return undefined;
      const lines = note.slice(split + 2, -1).split('\n');
      const signatures = lines.map((line) => SIGNATURE_LINE.exec(line));
      if (signatures.includes(null)) return undefined;
      const own = signatures
        .filter((match) => match?.[1] === name)
        .map((match) => Buffer.from(match?.[2] ?? '', 'base64'));
      const ours = own.filter((blob) => blob.subarray(0, KEY_ID_BYTES).equals(id));
      const valid = ours.some((blob) => verify(null, Buffer.from(text), key, blob.subarray(KEY_ID_BYTES)));
      return valid ? text : undefined;
    },
  };
}

function rawPublicKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('expected an Ed25519 private key');
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(-ED25519_KEY_BYTES);
}

function typedKey(raw: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(ED25519), raw]);
}

function keyId(name: string, typed: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, KEY_ID_BYTES);
}

function isKeyName(name: string): boolean {
  return /^[^\s+]+$/u.test(name) && name.isWellFormed();
}

function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids exactly these.
  return text.endsWith('\n') && text.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f]/.test(text);
}
