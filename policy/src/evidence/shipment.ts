/**
 * What a PDP sends of its chain: consecutive records and a checkpoint, signed as a whole with the key of the chain. So
 * whoever takes it in can tell a record that the writer altered from one that was altered on the way.
 *
 * The first line is JSON with the key and a signed note over the SHA-256 of everything after it; the second is JSON with
 * what the shipment is; the rest are records, a line each.
 */

import { createHash } from 'node:crypto';
import { type Checkpoint, openCheckpoint } from './checkpoint.js';
import { type NoteSigner, openNoteVerifier } from './signed-note.js';
import { writerName } from './writer.js';

/** Says whose key it is: the node's certificate (PEM) and its signature (base64) over {@link introductionText}. */
export interface Introduction {
  readonly certificate: string;
  readonly signature: string;
}

/** What a shipment says of itself. */
export interface ShipmentHead {
  /** Unique for every attempt, so that its receipt can be no older one. Letters, digits, hyphens; at most 64. */
  readonly id: string;
  /** When it was made, epoch milliseconds, by the writer's clock. */
  readonly at: number;
  /** Number of the first record; of the next one when there are none. */
  readonly from: number;
  /** The signed note over the last record; without records, over the end of the chain. */
  readonly checkpoint: string;
  /** With the first record of a chain and with every question. */
  readonly introduction?: Introduction;
}

/** What is shipped. */
export interface ShipmentContent extends ShipmentHead {
  /** Whole lines as they lie on the disk, with their ends; none to ask how far the chain is stored. */
  readonly records: Uint8Array;
}

/** A shipment whose signatures are right: the key that its writer is named after made them. */
export interface OpenedShipment extends ShipmentHead {
  /** Lines without their ends. */
  readonly lines: readonly string[];
  readonly writer: string;
  /** As `<name>+<key id>+<key>`. */
  readonly verifierKey: string;
  /** What `checkpoint` says. */
  readonly end: Checkpoint;
}

const FORMAT = 'portcullis/evidence-shipment/1';
const ID = /^[A-Za-z0-9-]{1,64}$/;
const NEWLINE = 0x0a;

/** What a node's certificate signs to say that a key is its own. Longer than what a peer can make TLS sign at its start. */
export function introductionText(verifierKey: string): string {
  return `portcullis/evidence-introduction/1: this key signs the chain of this node\n${verifierKey}\n`;
}

/** Signs a shipment. What it returns is one after the other; the records among it are those that were given, not a copy. */
export function sealShipment(signer: NoteSigner, content: ShipmentContent): readonly Uint8Array[] {
  const { records, ...said } = content;
  const head = Buffer.from(`${JSON.stringify(said)}\n`);
  const note = signer.sign(`${FORMAT}\n${digestOf(head, records)}\n`);
  return [Buffer.from(`${JSON.stringify({ key: signer.verifierKey, note })}\n`), head, records];
}

/** Opens a shipment; says why when its form or a signature is wrong. The records are for a chain verifier. */
export function openShipment(
  bytes: Uint8Array,
): { readonly ok: true; readonly shipment: OpenedShipment } | { readonly ok: false; readonly message: string } {
  const envelopeEnd = bytes.indexOf(NEWLINE);
  const headEnd = bytes.indexOf(NEWLINE, envelopeEnd + 1);
  if (envelopeEnd < 0 || headEnd < 0 || bytes.at(-1) !== NEWLINE) return refused('it is cut off');
  const { key, note } = parse(bytes.subarray(0, envelopeEnd));
  const verifier = typeof key === 'string' ? openNoteVerifier(key) : undefined;
  if (typeof key !== 'string' || typeof note !== 'string' || verifier === undefined) return refused('it has no key');
  const writer = verifier.name;
  if (writerName(writer.slice(0, writer.lastIndexOf('/')), verifier.publicKey) !== writer) {
    return refused('its key is not the one that its writer is named after');
  }
  const payload = bytes.subarray(envelopeEnd + 1);
  if (verifier.open(note) !== `${FORMAT}\n${digestOf(payload)}\n`) return refused('its writer did not sign it so');

  const { id, at, from, checkpoint, introduction } = parse(bytes.subarray(envelopeEnd + 1, headEnd));
  if (typeof id !== 'string' || !ID.test(id)) return refused('it has no id');
  if (typeof at !== 'number' || !Number.isSafeInteger(at)) return refused('it has no time');
  if (typeof from !== 'number' || !Number.isSafeInteger(from) || from < 1) return refused('it has no first record');
  if (typeof checkpoint !== 'string') return refused('it has no checkpoint');
  if (introduction !== undefined && !isIntroduction(introduction)) return refused('its introduction is none');
  const opened = openCheckpoint(verifier, checkpoint);
  if (!opened.ok) return refused(`its checkpoint is wrong: ${opened.message}`);
  const lines = Buffer.from(bytes.subarray(headEnd + 1))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
  if (lines.length > 0 && opened.checkpoint.size !== from + lines.length - 1) {
    return refused('its checkpoint is not over its last record');
  }
  return {
    ok: true,
    shipment: {
      id,
      at,
      from,
      lines,
      checkpoint,
      ...(introduction === undefined ? {} : { introduction }),
      writer,
      verifierKey: key,
      end: opened.checkpoint,
    },
  };
}

function digestOf(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isIntroduction(value: unknown): value is Introduction {
  if (typeof value !== 'object' || value === null) return false;
  const { certificate, signature } = value as Readonly<Record<string, unknown>>;
  return typeof certificate === 'string' && typeof signature === 'string';
}

function refused(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
