import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  GENESIS,
  type NoteSigner,
  openNoteSigner,
  openNoteVerifier,
  openReceipt,
  publicKeyBytes,
  type Receipt,
  readRecord,
  receiptSignerName,
  type ShipmentContent,
  sealShipment,
  sealText,
  signCheckpoint,
  signReceipt,
  writerName,
} from '@portcullis/policy/evidence';
import { newEd25519Key } from '@portcullis/policy/trust';
import { createLogger } from '@portcullis/runtime';
import { packBytes, type TakeShipment } from '@portcullis/runtime/channel';
import { createTestClock, type TestClock } from '../testing/world.js';
import { createMemoryEvidenceStore } from './memory-store.js';
import { createEvidenceReceiver, type EvidenceOutcome } from './receiver.js';
import type { EvidenceStore } from './store.js';

const DOMAIN = 'portcullis.test';
const START = Date.parse('2026-11-22T12:00:00Z');

function newWriter(node: string): NoteSigner {
  const pem = newEd25519Key();
  return openNoteSigner(writerName(`${DOMAIN}/pdp/${node}`, publicKeyBytes(pem)), pem);
}

/** Records 1 to `to` of a chain; another branch from record `fork` on. */
function chainOf({ name }: NoteSigner, to: number, fork = Number.POSITIVE_INFINITY): string[] {
  let prev = GENESIS;
  return Array.from({ length: to }, (_, index) => {
    const seq = index + 1;
    const record_id = seq >= fork ? `fork-${seq}` : `r-${seq}`;
    const { line, hash } = sealText(JSON.stringify({ prev, record_id, seq, writer: name }));
    prev = hash;
    return line;
  });
}

const hashOf = (line: string | undefined): string => {
  const reading = readRecord(line ?? '');
  return reading.ok ? reading.hash : GENESIS;
};

const STRANGER = newWriter('pdp-2');
const distributor = openNoteSigner(receiptSignerName(DOMAIN), newEd25519Key());
const trusted = openNoteVerifier(distributor.verifierKey);
let store: EvidenceStore;
let take: TakeShipment;
let clock: TestClock;
let outcomes: EvidenceOutcome[];
let pdp: NoteSigner;
let ids: number;

beforeEach(() => {
  clock = createTestClock(START);
  outcomes = [];
  ids = 0;
  pdp = newWriter('pdp-1');
  store = createMemoryEvidenceStore({ maxRecords: 1_000, maxWriters: 10 });
  take = receiving(store);
});

function receiving(into: EvidenceStore): TakeShipment {
  return createEvidenceReceiver({
    store: into,
    durable: true,
    trustDomain: DOMAIN,
    // The certificate says who it is; the real one is met in the integration tests.
    identify: (_statement, { certificate }) => certificate,
    sign: (receipt) => signReceipt([distributor], receipt),
    observer: { evidence: (outcome) => outcomes.push(outcome), evidenceStored: () => undefined },
    clock,
    log: createLogger({ component: 'test', level: 'silent' }),
  });
}

function contentOf(
  signer: NoteSigner,
  lines: readonly string[],
  from: number,
  changes: Partial<ShipmentContent> = {},
): ShipmentContent {
  const checkpoint = signCheckpoint(signer, { size: from + lines.length - 1, head: hashOf(lines.at(-1)) });
  ids += 1;
  const introduction = { certificate: `spiffe://${DOMAIN}/pdp/pdp-1`, signature: 'AA==' };
  const records = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return { id: `id-${ids}`, at: clock.now(), from, records, checkpoint, introduction, ...changes };
}

async function send(signer: NoteSigner, content: ShipmentContent, node?: string): Promise<Receipt | undefined> {
  const bytes = await packBytes(...sealShipment(signer, content));
  const answer = await take({ bytes, ...(node === undefined ? {} : { node }) });
  return openReceipt({ verifiers: trusted === undefined ? [] : [trusted], threshold: 1 }, answer);
}
const ship = (
  lines: readonly string[],
  from: number,
  changes?: Partial<ShipmentContent>,
): Promise<Receipt | undefined> => send(pdp, contentOf(pdp, lines.slice(from - 1), from, changes));
/** Asks, as the end of this chain. */
const ask = (lines: readonly string[], changes: Partial<ShipmentContent> = {}): Promise<Receipt | undefined> => {
  const checkpoint = signCheckpoint(pdp, { size: lines.length, head: hashOf(lines.at(-1)) });
  return send(pdp, contentOf(pdp, [], 1, { checkpoint, ...changes }));
};
const state = async (writer = pdp.name) => (await store.writers()).find((one) => one.writer === writer);

describe('a receiver of evidence', () => {
  test('stores what follows, once, and says how far it is', async () => {
    const chain = chainOf(pdp, 9);
    expect((await ask(chain))?.end).toEqual({ seq: 0, hash: GENESIS });
    expect(await ship(chain.slice(0, 4), 1)).toMatchObject({ id: 'id-2', end: { seq: 4 }, outcome: 'stored' });
    expect((await ship(chain.slice(0, 4), 1))?.end.seq).toBe(4);
    expect((await ship(chain.slice(0, 7), 3))?.end.seq).toBe(7);
    expect((await ship(chain, 8))?.end).toEqual({ seq: 9, hash: hashOf(chain.at(-1)) });
    expect((await store.read(pdp.name, 1, 100)).map(({ line }) => line)).toEqual(chain);
    expect(await state()).toMatchObject({ end: { seq: 9 }, provenTo: 9, findings: 0 });
    expect((await ask(chain))?.end.seq).toBe(9);
  });

  test('asks for what is missing by saying how far it is', async () => {
    const chain = chainOf(pdp, 9);
    await ship(chain.slice(0, 3), 1);
    expect(await ship(chain, 6)).toMatchObject({ end: { seq: 3 }, outcome: 'stored' });
    expect(outcomes).toEqual(['stored', 'gap']);
    expect(await state()).toMatchObject({ end: { seq: 3 }, findings: 0 });
  });

  test('says "held" when what it has does not survive it', async () => {
    take = createEvidenceReceiver({
      store,
      durable: false,
      trustDomain: DOMAIN,
      identify: () => `spiffe://${DOMAIN}/pdp/pdp-1`,
      sign: (receipt) => signReceipt([distributor], receipt),
      observer: { evidence: () => undefined, evidenceStored: () => undefined },
      clock,
      log: createLogger({ component: 'test', level: 'silent' }),
    });
    expect((await ship(chainOf(pdp, 1), 1))?.outcome).toBe('held');
  });

  test('rejects when the store does, so that the shipment comes again', async () => {
    const failing: EvidenceStore = {
      ...store,
      append: async () => {
        throw new Error('the disk is gone');
      },
    };
    take = receiving(failing);
    await expect(ship(chainOf(pdp, 1), 1)).rejects.toMatchObject({ kind: 'internal' });
    expect(outcomes).toEqual(['failed']);
  });
});

describe('what is wrong with a chain is kept, answered and never stored:', () => {
  test.each<[string, string, (chain: string[]) => Promise<Receipt | undefined>]>([
    ['another record under a stored number', 'CHAIN_FORKED', () => ship(chainOf(pdp, 6, 4), 3)],
    ['another record after the stored end', 'CHAIN_BROKEN', () => ship(chainOf(pdp, 7, 5), 6)],
    [
      'an altered record',
      'RECORD_ALTERED',
      (chain) =>
        ship(
          chain.map((line, index) => (index === 6 ? line.replace('r-7', 'r-x') : line)),
          6,
        ),
    ],
    [
      'records left out',
      'RECORDS_MISSING',
      (chain) => {
        const lines = [chain[5] ?? '', chain[7] ?? ''];
        const checkpoint = signCheckpoint(pdp, { size: 7, head: hashOf(chain[6]) });
        return send(pdp, contentOf(pdp, lines, 6, { checkpoint }));
      },
    ],
    [
      'records of another writer',
      'WRITER_CHANGED',
      async (chain) => send(pdp, contentOf(pdp, [...chain.slice(5, 6), chainOf(STRANGER, 7)[6] ?? ''], 6)),
    ],
    [
      'a place that the records do not have',
      'RECORD_OUT_OF_PLACE',
      (chain) => send(pdp, contentOf(pdp, [chain[2] ?? ''], 6, {})),
    ],
    ['an end that was cut off', 'CHAIN_TRUNCATED', (chain) => ask(chain.slice(0, 3), { at: START + 1 })],
    ['a history that was written anew', 'CHECKPOINT_MISMATCH', () => ask(chainOf(pdp, 4, 2))],
  ])('%s', async (_what, code, attempt) => {
    const chain = chainOf(pdp, 8);
    await ship(chain.slice(0, 5), 1);
    const receipt = await attempt(chain);
    expect(receipt).toMatchObject({ end: { seq: 5, hash: hashOf(chain[4]) }, outcome: code });
    expect(await state()).toMatchObject({ end: { seq: 5 }, findings: expect.any(Number) });
    expect((await state())?.findings).toBeGreaterThan(0);
    // The same again is the same finding, and the right chain goes on.
    const { findings } = (await state()) ?? {};
    await attempt(chain);
    expect((await state())?.findings).toBe(findings);
    expect(await ship(chain, 6)).toMatchObject({ end: { seq: 8 }, outcome: 'stored' });
  });

  test('one writer that forked keeps no other from being stored', async () => {
    const other = newWriter('pdp-2');
    await ship(chainOf(pdp, 5), 1);
    await Promise.all([
      ship(chainOf(pdp, 6, 2), 1),
      send(other, contentOf(other, chainOf(other, 3), 1), 'pdp-2'),
      ship(chainOf(pdp, 6, 2), 1),
    ]);
    expect((await state(other.name))?.end.seq).toBe(3);
    expect(await state()).toMatchObject({ end: { seq: 5 }, findings: 1 });
  });

  test('a question that was recorded and is asked again accuses nobody', async () => {
    const chain = chainOf(pdp, 5);
    const early = contentOf(pdp, [], 1, {
      checkpoint: signCheckpoint(pdp, { size: 2, head: hashOf(chain[1]) }),
      at: START,
    });
    await send(pdp, early);
    await ship(chain, 1);
    clock.set(START + 1_000);
    expect((await send(pdp, early))?.outcome).toBe('stored');
    // Nor after a restart of the distributor.
    take = receiving(store);
    expect((await send(pdp, early))?.outcome).toBe('stored');
    expect((await state())?.findings).toBe(0);
  });
});

describe('who may ship:', () => {
  const stored = async (): Promise<number> => (await store.writers()).length;

  test('a node its own chain, by what the transport proved', async () => {
    await expect(send(pdp, contentOf(pdp, chainOf(pdp, 1), 1), 'pdp-2')).rejects.toMatchObject({
      kind: 'unauthenticated',
    });
    expect(await stored()).toBe(0);
    expect((await send(pdp, contentOf(pdp, chainOf(pdp, 1), 1, {}), 'pdp-1'))?.end.seq).toBe(1);
  });

  test.each<[string, Partial<ShipmentContent>]>([
    ['nobody', {}],
    ['another node', { introduction: { certificate: `spiffe://${DOMAIN}/pdp/pdp-2`, signature: '' } }],
    ['an agent', { introduction: { certificate: `spiffe://${DOMAIN}/tenant/t/agent/pdp-1`, signature: '' } }],
    ['another domain', { introduction: { certificate: 'spiffe://evil.test/pdp/pdp-1', signature: '' } }],
  ])('not %s, where the transport proves nothing', async (_who, changes) => {
    const { introduction: _left, ...content } = contentOf(pdp, chainOf(pdp, 1), 1);
    await expect(send(pdp, { ...content, ...changes })).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect(await stored()).toBe(0);
    expect(outcomes).toEqual(['refused']);
  });

  test('a known chain needs no introduction', async () => {
    await ship(chainOf(pdp, 2), 1);
    const { introduction: _left, ...content } = contentOf(pdp, chainOf(pdp, 3).slice(2), 3);
    expect((await send(pdp, content))?.end.seq).toBe(3);
  });

  test('not of another trust domain', async () => {
    const pem = newEd25519Key();
    const foreign = openNoteSigner(writerName('evil.test/pdp/pdp-1', publicKeyBytes(pem)), pem);
    await expect(send(foreign, contentOf(foreign, chainOf(foreign, 1), 1), 'pdp-1')).rejects.toMatchObject({
      kind: 'unauthenticated',
    });
  });

  test('nothing that was changed on the way, which accuses nobody', async () => {
    const sealed = Buffer.concat(sealShipment(pdp, contentOf(pdp, chainOf(pdp, 3), 1)));
    const changed = Buffer.from(sealed.toString('utf8').replace('r-2', 'r-x'));
    await expect(take({ bytes: await packBytes(changed) })).rejects.toMatchObject({ kind: 'unauthenticated' });
    await expect(take({ bytes: sealed })).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(take({ bytes: await packBytes(Buffer.alloc(9_000_000)) })).rejects.toMatchObject({ kind: 'corrupt' });
    expect(await stored()).toBe(0);
  });
});
