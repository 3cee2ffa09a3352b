import { describe, expect, test } from '@jest/globals';
import { newEd25519Key } from '../trust/signing-key.js';
import { signCheckpoint } from './checkpoint.js';
import { openReceipt, type Receipt, type ReceiptKeys, receiptSignerName, signReceipt } from './receipt.js';
import { GENESIS, readRecord } from './record.js';
import { openShipment, type ShipmentContent, sealShipment } from './shipment.js';
import { type NoteSigner, openNoteSigner, openNoteVerifier, publicKeyBytes } from './signed-note.js';
import { sampleChain } from './testing/sample-chain.js';
import { parseWriterName, writerName } from './writer.js';

const pem = newEd25519Key();
const OWNER = 'portcullis.test/pdp/pdp-1';
const signer = openNoteSigner(writerName(OWNER, publicKeyBytes(pem)), pem);
const LINES = sampleChain(['a', 'b', 'c'], signer.name);

function contentOf(lines: readonly string[], changes: Partial<ShipmentContent> = {}): ShipmentContent {
  const reading = readRecord(lines.at(-1) ?? '');
  if (!reading.ok) throw new Error(reading.message);
  const checkpoint = signCheckpoint(signer, { size: reading.link.seq, head: reading.hash });
  const records = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return { id: 'id-1', at: 1_000, from: reading.link.seq - lines.length + 1, records, checkpoint, ...changes };
}

function sealed(...made: Parameters<typeof sealShipment>): Buffer {
  return Buffer.concat(sealShipment(...made));
}

describe('a shipment', () => {
  test('opens as it was sealed', () => {
    const introduction = { certificate: 'PEM\nlines', signature: 'AA==' };
    const opened = openShipment(sealed(signer, contentOf(LINES, { introduction })));
    expect(opened).toMatchObject({
      ok: true,
      shipment: { writer: signer.name, id: 'id-1', at: 1_000, from: 1, lines: LINES, introduction, end: { size: 3 } },
    });
  });

  test('is refused whichever byte is another', () => {
    const bytes = sealed(signer, contentOf(LINES.slice(0, 1)));
    expect(openShipment(bytes).ok).toBe(true);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const opened = openShipment(changed);
      // Another spelling of the same signature is still that signature; of what was signed nothing may differ.
      if (opened.ok) expect(opened).toEqual(openShipment(bytes));
    }
    for (const cut of [0, 10, bytes.length - 1]) expect(openShipment(bytes.subarray(0, cut)).ok).toBe(false);
  });

  test('is refused with a key that its writer is not named after', () => {
    const other = newEd25519Key();
    const impostor = openNoteSigner(signer.name, other);
    const content = contentOf(LINES);
    expect(openShipment(sealed(impostor, content))).toMatchObject({ ok: false });
    expect(openShipment(sealed(openNoteSigner('portcullis.test/pdp/pdp-1/aa', pem), content))).toMatchObject({
      ok: false,
    });
  });

  test.each<[string, Partial<ShipmentContent>]>([
    ['an id that is none', { id: 'a b' }],
    ['no time', { at: 0.5 }],
    ['no place', { from: 0 }],
    ['a checkpoint over another record', { from: 2 }],
    [
      'a checkpoint of somebody else',
      { checkpoint: signCheckpoint(openNoteSigner('x', newEd25519Key()), { size: 3, head: GENESIS }) },
    ],
  ])('is refused with %s', (_what, changes) => {
    expect(openShipment(sealed(signer, contentOf(LINES, changes))).ok).toBe(false);
  });
});

describe('a receipt', () => {
  const NAME = receiptSignerName('portcullis.test');
  const keys = [newEd25519Key(), newEd25519Key()].map((key) => openNoteSigner(NAME, key));
  const receipt: Receipt = {
    writer: signer.name,
    id: 'id-1',
    end: { seq: 3, hash: 'ab'.repeat(32) },
    outcome: 'stored',
  };
  const trusting = (signers: readonly NoteSigner[], threshold = 1): ReceiptKeys => ({
    verifiers: signers.map(({ verifierKey }) => openNoteVerifier(verifierKey)).filter((one) => one !== undefined),
    threshold,
  });

  test('says what was signed, to those who trust one of its keys', () => {
    const bytes = signReceipt(keys, receipt);
    expect(openReceipt(trusting(keys), bytes)).toEqual(receipt);
    expect(openReceipt(trusting(keys.slice(1)), bytes)).toEqual(receipt);
    expect(openReceipt(trusting(keys, 2), bytes)).toEqual(receipt);
  });

  test('says nothing with too few keys, with keys of others, or changed', () => {
    const bytes = signReceipt(keys.slice(0, 1), receipt);
    expect(openReceipt(trusting(keys, 2), bytes)).toBeUndefined();
    expect(openReceipt(trusting(keys.slice(1)), bytes)).toBeUndefined();
    expect(openReceipt(trusting([]), bytes)).toBeUndefined();
    const text = Buffer.from(bytes).toString('utf8');
    expect(openReceipt(trusting(keys), Buffer.from(text.replace('\n3\n', '\n4\n')))).toBeUndefined();
    // A note by the right key that is something else.
    const [key] = keys;
    expect(openReceipt(trusting(keys), Buffer.from(key?.sign('something else\n') ?? ''))).toBeUndefined();
  });
});

test('a writer is named after its node and its key', () => {
  expect(parseWriterName(signer.name)).toMatchObject({ trustDomain: 'portcullis.test', node: 'pdp-1' });
  for (const name of ['', 'x', `${OWNER}/0`, `${OWNER}/../0123456789abcdef`, `a/sidecar/b/0123456789abcdef`]) {
    expect(parseWriterName(name)).toBeUndefined();
  }
});
