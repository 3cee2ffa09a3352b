/**
 * The beginning of a TLS handshake, read without taking part in it (RFC 8446 section 4.1.2, RFC 6066 section 3,
 * RFC 7301, RFC 9849): whom the client says it talks to. Strict: what a server might read otherwise is malformed.
 */

/** What the client says. */
export interface ClientHello {
  /** As sent; nothing when there is none. */
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  /** The name above may be a cover for another one. */
  readonly hasEncryptedHello: boolean;
}

/** What a beginning is. */
export type HelloRead =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not_tls' }
  | { readonly kind: 'malformed' };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MAX_RECORD = 16_384;
const EXTENSION = { serverName: 0, alpn: 16, encryptedHello: 0xfe0d } as const;
const HOST_NAME = 0;

/** Reads the ClientHello at the start of `bytes`, which may be in several records. */
export function readClientHello(bytes: Buffer): HelloRead {
  const gathered = gather(bytes);
  if (!Buffer.isBuffer(gathered)) return { kind: gathered };
  try {
    return { kind: 'hello', hello: parse(new Cursor(gathered)) };
  } catch (thrown: unknown) {
    if (thrown instanceof RangeError) return { kind: 'malformed' };
    throw thrown;
  }
}

/** The handshake message out of its records. */
function gather(bytes: Buffer): Buffer | 'incomplete' | 'not_tls' | 'malformed' {
  const parts: Buffer[] = [];
  // Type and length of the message, which may be cut anywhere.
  const head: number[] = [];
  let gathered = 0;
  let wanted = 4;
  for (let at = 0; gathered < wanted; ) {
    const isRecord = (bytes[at] ?? HANDSHAKE_RECORD) === HANDSHAKE_RECORD && (bytes[at + 1] ?? 3) === 3;
    if (!isRecord) return at === 0 ? 'not_tls' : 'malformed';
    if (bytes.length < at + RECORD_HEADER) return 'incomplete';
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD) return at === 0 ? 'not_tls' : 'malformed';
    const part = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    parts.push(part);
    gathered += part.length;
    at += RECORD_HEADER + length;
    head.push(...part.subarray(0, 4 - head.length));
    const [type = CLIENT_HELLO, high, middle, low] = head;
    if (type !== CLIENT_HELLO) return 'malformed';
    if (high !== undefined && middle !== undefined && low !== undefined)
      wanted = 4 + high * 65_536 + middle * 256 + low;
    if (part.length < length && gathered < wanted) return 'incomplete';
  }
  // A second message in the same flight is nothing that a client may send here.
  return gathered === wanted ? Buffer.concat(parts) : 'malformed';
}

/** Reads forward; past the end is a RangeError. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(width: 1 | 2 | 3): number {
    return this.take(width).readUIntBE(0, width);
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('ends early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with its length before it. */
  vector(width: 1 | 2): Cursor {
    return new Cursor(this.take(this.number(width)));
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

function parse(message: Cursor): ClientHello {
  message.take(4);
  // legacy_version, random, legacy_session_id, cipher_suites, legacy_compression_methods
  message.take(2 + 32);
  message.vector(1);
  message.vector(2);
  message.vector(1);
  let serverName: string | undefined;
  let alpn: readonly string[] = [];
  let hasEncryptedHello = false;
  if (message.isAtEnd) return { serverName, alpn, hasEncryptedHello };
  const extensions = message.vector(2);
  if (!message.isAtEnd) throw new RangeError('goes on after its extensions');
  const seen = new Set<number>();
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    // The second one is what somebody else might read.
    if (seen.has(type)) throw new RangeError('has an extension twice');
    seen.add(type);
    if (type === EXTENSION.serverName) serverName = readServerName(body);
    else if (type === EXTENSION.alpn) alpn = readProtocols(body);
    else if (type === EXTENSION.encryptedHello) hasEncryptedHello = true;
  }
  return { serverName, alpn, hasEncryptedHello };
}

function readServerName(body: Cursor): string {
  const list = body.vector(2);
  if (!body.isAtEnd) throw new RangeError('goes on after its names');
  const type = list.number(1);
  const name = list.vector(2).rest();
  // RFC 6066: not more than one of a type, and no other type was ever defined.
  if (type !== HOST_NAME || !list.isAtEnd || name.length === 0) throw new RangeError('is not one host name');
  const text = name.toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(text)) throw new RangeError('is not ASCII');
  return text;
}

/** So many are noted. */
const MAX_PROTOCOLS = 16;

function readProtocols(body: Cursor): readonly string[] {
  const list = body.vector(2);
  if (!body.isAtEnd) throw new RangeError('goes on after its protocols');
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    const name = list.vector(1).rest();
    if (name.length === 0) throw new RangeError('has an empty protocol');
    if (protocols.length < MAX_PROTOCOLS) protocols.push(name.toString('latin1').replaceAll(/[^\x21-\x7e]/g, '?'));
  }
  return protocols;
}
