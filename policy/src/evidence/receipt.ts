/**
 * What a distributor answers to a shipment: how far it has the writer's chain. A signed note, by the keys of the TUF role
 * `timestamp`, which PDPs know from their root.
 */

import { CHAIN_FINDINGS, type ChainEnd, type ChainFindingCode } from './chain.js';
import type { NoteSigner, NoteVerifier } from './signed-note.js';

/**
 * What became of a shipment: stored for good; held in a memory that the next restart empties; or a finding, which is kept,
 * and nothing of the shipment stored.
 */
export type ReceiptOutcome = 'stored' | 'held' | ChainFindingCode;

/** What a receipt says. */
export interface Receipt {
  readonly writer: string;
  /** The id of the shipment that it answers. */
  readonly id: string;
  /** The record stored last; number 0 and {@link GENESIS} when there is none. */
  readonly end: ChainEnd;
  readonly outcome: ReceiptOutcome;
}

/** Whose receipts count. */
export interface ReceiptKeys {
  readonly verifiers: readonly NoteVerifier[];
  /** How many of them must have signed. */
  readonly threshold: number;
}

const FORMAT = 'portcullis/evidence-receipt/1';
const SEQ = /^(?:0|[1-9]\d{0,14})$/;
const HASH = /^[0-9a-f]{64}$/;
const OUTCOMES: readonly string[] = ['stored', 'held', ...CHAIN_FINDINGS];

/** The name under which distributors of a trust domain sign receipts. */
export function receiptSignerName(trustDomain: string): string {
  return `${trustDomain}/distributor/evidence`;
}

/** Signs a receipt with every key. @throws TypeError when there is no key. */
export function signReceipt(signers: readonly NoteSigner[], receipt: Receipt): Uint8Array {
  const { writer, id, end, outcome } = receipt;
  const text = `${FORMAT}\n${writer}\n${id}\n${end.seq}\n${end.hash}\n${outcome}\n`;
  const notes = signers.map((signer) => signer.sign(text));
  if (notes.length === 0) throw new TypeError('a receipt needs a key');
  return Buffer.from(`${text}\n${notes.map((note) => note.slice(text.length + 1)).join('')}`);
}

/** What a receipt says when enough keys signed it; `undefined` otherwise. */
export function openReceipt(keys: ReceiptKeys, bytes: Uint8Array): Receipt | undefined {
  const note = Buffer.from(bytes).toString('utf8');
  const texts = keys.verifiers.map((verifier) => verifier.open(note)).filter((text) => text !== undefined);
  const [text] = texts;
  if (text === undefined || texts.length < keys.threshold) return undefined;
  const [format, writer, id, seq, hash, outcome, ...rest] = text.split('\n');
  if (format !== FORMAT || writer === undefined || id === undefined || rest.join() !== '') return undefined;
  if (seq === undefined || !SEQ.test(seq) || hash === undefined || !HASH.test(hash)) return undefined;
  if (outcome === undefined || !OUTCOMES.includes(outcome)) return undefined;
  return { writer, id, end: { seq: Number(seq), hash }, outcome: outcome as ReceiptOutcome };
}
